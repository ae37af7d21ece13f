namespace Marrow;

/// <summary>
/// Low-rank adaptation (LoRA, arXiv 2106.09685): <c>y = x Wᵀ + s (x Aᵀ) Bᵀ</c> with A [rank, in] and B [out, rank]. On
/// a class it adapts every layer that <see cref="LowRankAttribute.Targets"/> matches; on a linear layer, that layer.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property, Inherited = false, AllowMultiple = true)]
public sealed class LoraAttribute : LowRankAttribute;
