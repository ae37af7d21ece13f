namespace Marrow;

/// <summary>
/// Marks a linear layer as an output head of its architecture. Adapters without <c>Targets</c> leave heads out, and
/// quantizers give them the bits of the ends.
/// </summary>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class HeadAttribute : Attribute;
