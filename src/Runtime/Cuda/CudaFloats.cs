using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Small tensors, steps, scales and shifts, as kernels take them whatever the layer's type is.</summary>
internal static class CudaFloats
{
    /// <summary>A tensor in float32, contiguous; itself if it is.</summary>
    [return: NotNullIfNotNull(nameof(value))]
    public static Tensor? Of(Tensor? value) => value?.detach().to(ScalarType.Float32).contiguous();
}
