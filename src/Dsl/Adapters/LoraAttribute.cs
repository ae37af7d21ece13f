namespace Marrow;

/// <summary>
/// Low-rank adaptation (LoRA, arXiv 2106.09685): <c>y = x Wᵀ + s (x Aᵀ) Bᵀ</c> with A [rank, in] and B [out, rank]. On
/// a class it adapts every layer that <see cref="AdapterAttribute.Targets"/> matches; on a linear layer, that layer.
/// Convolutions of one group and embeddings have adapters too, in PEFT's layout, where the attribute is on them or a
/// pattern names them: one whose last part is more than <c>*</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property, Inherited = false, AllowMultiple = true)]
public sealed class LoraAttribute : LowRankAttribute;
