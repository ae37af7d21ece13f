namespace Marrow.Shared;

/// <summary>
/// Which products of integer levels are exact. A product of K terms is a whole number of at most
/// <c>max|q| · max|p| · K</c>, and so is each of its partial sums. Compiled into the generator and the runtime alike.
/// </summary>
internal static class ExactProducts
{
    /// <summary>Below it float32 holds every whole number; bfloat16 holds those up to 256, which levels are.</summary>
    public const long OfFloats = 1L << 24;

    /// <summary>Below it 32 bits hold every whole number.</summary>
    public const long OfIntegers = 1L << 31;

    /// <summary>Whether sums stay below a limit.</summary>
    /// <param name="left">max|q| of what is multiplied.</param>
    /// <param name="right">max|p|.</param>
    /// <param name="inner">K.</param>
    /// <param name="limit">One of those above.</param>
    public static bool AreExact(long left, long right, long inner, long limit) => left * right * inner < limit;
}
