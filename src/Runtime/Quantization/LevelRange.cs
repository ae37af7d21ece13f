using System.ComponentModel;
using Marrow.Kernels.Memory;

namespace Marrow.CompilerServices;

/// <summary>The integer levels of an LSQ quantizer, both ends included.</summary>
/// <param name="Low">The lowest.</param>
/// <param name="High">The highest.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct LevelRange(int Low, int High)
{
    /// <summary>−2^(bits−1) … 2^(bits−1) − 1; −1 … 1 for one bit, whose levels are only the signs.</summary>
    public static LevelRange Signed(int bits) =>
        bits == 1 ? new(-1, 1) : new(-(1 << (bits - 1)), (1 << (bits - 1)) - 1);

    /// <summary>0 … 2^bits − 1.</summary>
    public static LevelRange Unsigned(int bits) => new(0, (1 << bits) - 1);

    /// <summary>
    /// What is taken from levels so that 8 bits with a sign hold them: 128 for unsigned levels of 8 bits, else 0.
    /// </summary>
    internal int Offset => High > sbyte.MaxValue ? 128 : 0;

    /// <summary>The levels as 8 bits hold them.</summary>
    internal IntegerRange Span => new(Low - Offset, Spacing: 1, High - Low);

    /// <summary>The levels.</summary>
    internal IntegerRange Codes => new(Low, Spacing: 1, High - Low);

    /// <summary>Whether these are the signs: y = S sign(x / S), without a straight-through gradient.</summary>
    public bool IsSign => (Low, High) == (-1, 1);
}
