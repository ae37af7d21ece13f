using static TorchSharp.torch;

namespace Marrow.Cuda;

/// <summary>Types of tensors as kernel texts name them.</summary>
internal static class CudaEntry
{
    public const string Float = "float", Bfloat16 = "bf16", Half = "f16";

    /// <summary>The name of a tensor's type; null if texts have none for it.</summary>
    public static string? Of(Tensor x) => Of(x.dtype);

    /// <summary>The name of a type; null if texts have none for it.</summary>
    public static string? Of(ScalarType type) => type switch
    {
        ScalarType.Float32 => Float,
        ScalarType.BFloat16 => Bfloat16,
        ScalarType.Float16 => Half,
        _ => null,
    };
}
