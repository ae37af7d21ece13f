namespace Marrow;

/// <summary>
/// Query-key reparameterization (arXiv 2302.02210): quantized attention uses the product <c>W_qᵀ W_k</c> of each head,
/// quantized as one, in place of queries and keys. On a class that is quantized: every quantized attention; on an
/// attention property: that one.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property, Inherited = false)]
public sealed class QkrAttribute : Attribute;
