using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Marrow.Kernels.Vectors;

/// <summary>
/// Eight lanes, the width of kernels: AVX2 has it, and most laptops end there. Here is what turns floats
/// into integers and 8 bits into 32, and back; everything else is <see cref="Vector256"/> as it comes.
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

    /// <summary>The nearest whole numbers, halves to even.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Round(Vector256<float> values) => Avx.IsSupported
        ? Avx.ConvertToVector256Int32(values)
        : Vector256.ConvertToInt32Native(Vector256.Round(values));

    /// <summary>Bytes, saturated, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Narrow(Vector256<int> a, Vector256<int> b, Vector256<int> c, Vector256<int> d)
    {
        if (Avx2.IsSupported)
        {
            // Each instruction works on both halves of a register apart; fours of bytes are put in order at the end.
            var bytes = Avx2.PackSignedSaturate(Avx2.PackSignedSaturate(a, b), Avx2.PackSignedSaturate(c, d));
            return Avx2.PermuteVar8x32(bytes.AsInt32(), Vector256.Create(0, 4, 1, 5, 2, 6, 3, 7)).AsSByte();
        }

        return Vector256.NarrowWithSaturation(Vector256.NarrowWithSaturation(a, b), Vector256.NarrowWithSaturation(c, d));
    }

    /// <summary>16 bits, saturated, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Narrow(Vector256<int> low, Vector256<int> high) => Avx2.IsSupported
        ? Avx2.Permute4x64(Avx2.PackSignedSaturate(low, high).AsInt64(), 0b11_01_10_00).AsInt16()
        : Vector256.NarrowWithSaturation(low, high);

    /// <summary>Stores whole numbers from −128 to 127.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> whole, sbyte* target)
    {
        var integers = Vector256.ConvertToInt32Native(whole);
        var shorts = Vector128.NarrowWithSaturation(integers.GetLower(), integers.GetUpper());
        Unsafe.WriteUnaligned(target, Vector128.NarrowWithSaturation(shorts, shorts).AsInt64().ToScalar());
    }
}
