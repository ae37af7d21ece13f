using System.Runtime.Intrinsics.X86;

namespace Marrow.Kernels;

/// <summary>Instruction sets that .NET does not expose but libtorch uses, as far as they decide who computes.</summary>
internal static class InstructionSets
{
    /// <summary>
    /// AVX512_VNNI: libtorch's int8 products are fast. Off with <c>DOTNET_EnableAVX512F=0</c>, so that tests reach the
    /// AVX2 path.
    /// </summary>
    public static bool HasVnni { get; } = Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx & (1 << 11)) != 0;

    /// <summary>AVX512_BF16 or AMX_BF16: libtorch multiplies bfloat16 without converting to float32.</summary>
    public static bool HasBfloat16 { get; } = Avx512F.IsSupported
        && ((X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0);
}
