using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Marrow.Kernels.Vectors;

/// <summary>
/// 256-bit conversions between float32, int32 and int8. Elementwise kernels are 256 bits wide: they are bound by
/// memory, and one version serves AVX2 and AVX-512.
/// </summary>
internal static unsafe class Lanes
{
    public const int Count = 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(sbyte* source)
    {
        var bytes = Vector128.CreateScalarUnsafe(Unsafe.ReadUnaligned<long>(source)).AsSByte();
        if (Avx2.IsSupported)
        {
            return Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(bytes));
        }

        var (low, high) = Vector128.Widen(Vector128.WidenLower(bytes));
        return Vector256.ConvertToSingle(Vector256.Create(low, high));
    }

    /// <summary>Rounds to nearest, ties to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Round(Vector256<float> values) => Avx.IsSupported
        ? Avx.ConvertToVector256Int32(values)
        : Vector256.ConvertToInt32Native(Vector256.Round(values));

    /// <summary>Packs to int8 with saturation, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Narrow(Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d)
    {
        if (Avx2.IsSupported)
        {
            // vpack works within 128-bit lanes; the permutation restores the order of groups of four bytes.
            var bytes = Avx2.PackSignedSaturate(Avx2.PackSignedSaturate(a, b), Avx2.PackSignedSaturate(c, d));
            return Avx2.PermuteVar8x32(bytes.AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte();
        }

        return Vector256.NarrowWithSaturation(
            Vector256.NarrowWithSaturation(a, b), Vector256.NarrowWithSaturation(c, d));
    }

    /// <summary>Packs to int16 with saturation, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Narrow(Vector256<int> low, Vector256<int> high) => Avx2.IsSupported
        ? Avx2.Permute4x64(Avx2.PackSignedSaturate(low, high).AsInt64(), 0b11_01_10_00).AsInt16()
        : Vector256.NarrowWithSaturation(low, high);

    /// <summary>Stores integral values in [−128, 127] as int8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> whole, sbyte* target)
    {
        var integers = Vector256.ConvertToInt32Native(whole);
        var shorts = Vector128.NarrowWithSaturation(integers.GetLower(), integers.GetUpper());
        Unsafe.WriteUnaligned(target, Vector128.NarrowWithSaturation(shorts, shorts).AsInt64().ToScalar());
    }
}
