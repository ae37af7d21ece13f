namespace Marrow;

/// <summary>
/// Saves memory in training: a block keeps its inputs alone and runs again in the backward (arXiv 1604.06174), which
/// costs about a third of a step. On a class: each of its blocks; on a block property: that block, or each of that
/// list.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property, Inherited = false)]
public sealed class RecomputeAttribute : Attribute;
