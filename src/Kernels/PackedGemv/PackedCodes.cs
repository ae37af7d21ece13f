using static TorchSharp.torch;

namespace Marrow.Kernels.PackedGemv;

/// <summary>
/// A weight [out, in] packed in 32-bit words, 32 / bits codes each, in blocks of sixteen words: word j of a block holds
/// columns j, j + 16, j + 32, … of the block from its lowest bits up. The level of a code is <c>Lowest + code</c>, or
/// <c>Lowest + 2 code</c> if odd.
/// </summary>
/// <param name="Words">int32 [out, 16 · blocks].</param>
/// <param name="Scale">[out]: what one level is worth.</param>
/// <param name="Columns">in.</param>
/// <param name="Bits">Bits of a code: 2, 3, 4 or 8.</param>
/// <param name="IsOdd">Whether levels are odd numbers.</param>
/// <param name="Lowest">The level of code 0.</param>
internal readonly record struct PackedCodes(Tensor Words, Tensor Scale, long Columns, int Bits, bool IsOdd, int Lowest);
