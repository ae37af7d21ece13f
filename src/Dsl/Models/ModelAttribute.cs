namespace Marrow;

/// <summary>
/// Marks a partial class as a model. Sizes are primary-constructor parameters, layers are partial properties,
/// and one method marked <see cref="ForwardAttribute"/> is the network. A class that derives from a model is a
/// variant: it states the sizes in its base call and may be annotated with an adapter.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ModelAttribute : Attribute;
