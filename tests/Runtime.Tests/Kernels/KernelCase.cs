using static TorchSharp.torch;

namespace Marrow.Tests.Kernels;

/// <summary>A result of a kernel, and what torch's operations give.</summary>
/// <param name="Actual">By the kernel.</param>
/// <param name="Expected">By the reference, computed in float64 where that is possible.</param>
/// <param name="Tolerance">Largest difference as a part of the largest entry.</param>
internal readonly record struct Comparison(Tensor Actual, Tensor Expected, double Tolerance);

/// <summary>Inputs of one run.</summary>
/// <param name="Type">The type that data are made in.</param>
/// <param name="IsView">
/// Whether tensors are views: shifted by one element, so that no vector is aligned, or strided.
/// </param>
internal sealed record KernelInputs(ScalarType Type, bool IsView)
{
    /// <summary>Normal numbers, contiguous; as a view the data start one element behind an aligned address.</summary>
    public Tensor Normal(params long[] shape) => Place(randn(shape, dtype: Type));

    /// <summary>Normal numbers; as a view every second column of a wider tensor.</summary>
    public Tensor Strided(params long[] shape)
    {
        if (!IsView)
        {
            return Normal(shape);
        }

        var wide = randn([.. shape[..^1], 2 * shape[^1]], dtype: Type);
        return wide.slice(-1, 1, wide.shape[^1], 2);
    }

    /// <summary>The same values, shifted by one element if views are wanted.</summary>
    public Tensor Place(Tensor values)
    {
        if (!IsView)
        {
            return values;
        }

        var memory = empty(values.numel() + 1, dtype: values.dtype);
        var view = memory.narrow(0, 1, values.numel()).view(values.shape);
        view.copy_(values);
        return view;
    }
}

/// <summary>One kernel, or several that compute one operation, beside its reference.</summary>
/// <param name="Name">What is computed.</param>
/// <param name="Covers">Types of <c>Marrow.Kernels</c> that the case runs.</param>
/// <param name="Types">
/// Element types that the operation takes; where a kernel does not support one, its fall-back is compared.
/// </param>
/// <param name="Sizes">Rows and columns: odd ones, and such that fill whole vectors.</param>
/// <param name="Run">Computes both sides.</param>
internal sealed record KernelCase(
    string Name,
    IReadOnlyList<Type> Covers,
    IReadOnlyList<ScalarType> Types,
    IReadOnlyList<(int Rows, int Columns)> Sizes,
    Func<KernelInputs, int, int, IEnumerable<Comparison>> Run);
