namespace Marrow;

/// <summary>
/// Weight-decomposed low-rank adaptation (DoRA, arXiv 2402.09353): LoRA's weight E = W + s B A with a trained length
/// for each of its rows, <c>y_o = (x Eᵀ)_o m_o / ‖E_o‖</c>. On a class it adapts every layer that
/// <see cref="AdapterAttribute.Targets"/> matches; on a linear layer, that layer.
/// </summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Property, Inherited = false, AllowMultiple = true)]
public sealed class DoraAttribute : LowRankAttribute;
