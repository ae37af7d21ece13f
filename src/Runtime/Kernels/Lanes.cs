using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Marrow.Kernels;

/// <summary>Sixteen lanes of 8-bit integers to and from floats. Everything else is <see cref="Vector512"/> as it comes.</summary>
internal static unsafe class Lanes
{
    public const int Count = 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(sbyte* source)
    {
        var bytes = Vector128.Load(source);
        if (Avx512F.IsSupported)
        {
            return Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(bytes));
        }

        var (low, high) = Vector128.Widen(bytes);
        var (first, second) = Vector128.Widen(low);
        var (third, fourth) = Vector128.Widen(high);
        return Vector512.ConvertToSingle(Vector512.Create(Vector256.Create(first, second), Vector256.Create(third, fourth)));
    }

    /// <summary>Stores whole numbers from −128 to 127.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> whole, sbyte* target)
    {
        var integers = Vector512.ConvertToInt32Native(whole);
        if (Avx512F.IsSupported)
        {
            Avx512F.ConvertToVector128SByteWithSaturation(integers).Store(target);
            return;
        }

        var shorts = Vector256.Narrow(integers.GetLower(), integers.GetUpper());
        Vector128.Narrow(shorts.GetLower(), shorts.GetUpper()).Store(target);
    }

    /// <summary>Lanes that were not among the <paramref name="seen"/> first ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fresh(int seen) =>
        Vector512.GreaterThanOrEqual(Vector512<int>.Indices, Vector512.Create(seen)).AsSingle();
}
