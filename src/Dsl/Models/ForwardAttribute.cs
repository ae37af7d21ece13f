namespace Marrow;

/// <summary>
/// Marks the one method of a model that computes its output. It takes one to six arguments and returns the
/// result; intermediate tensors need no disposal, the emitted <c>forward</c> owns them.
/// </summary>
[AttributeUsage(AttributeTargets.Method, Inherited = false)]
public sealed class ForwardAttribute : Attribute;
