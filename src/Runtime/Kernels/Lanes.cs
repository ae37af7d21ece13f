using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Marrow.Kernels;

/// <summary>
/// Eight lanes, the width of kernels: AVX2 has it, and most laptops end there. Here are 8-bit integers to and from floats;
/// everything else is <see cref="Vector256"/> as it comes.
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

    /// <summary>Stores whole numbers from −128 to 127.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> whole, sbyte* target)
    {
        var integers = Vector256.ConvertToInt32Native(whole);
        var shorts = Vector128.NarrowWithSaturation(integers.GetLower(), integers.GetUpper());
        Unsafe.WriteUnaligned(target, Vector128.NarrowWithSaturation(shorts, shorts).AsInt64().ToScalar());
    }
}
