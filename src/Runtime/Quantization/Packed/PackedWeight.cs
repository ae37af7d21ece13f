using System.ComponentModel;
using Marrow.Cuda;
using Marrow.Kernels.Memory;
using Marrow.Kernels.PackedGemv;
using static TorchSharp.torch;

namespace Marrow.CompilerServices;

/// <summary>
/// A weight [out, in] as integer levels packed into 32-bit words, and one scale per row. A word holds 32 / bits levels
/// (16 of 2 bits, 10 of 3, 8 of 4, 4 of 8). Words come in blocks of sixteen: word j of a block holds columns j, j + 16,
/// j + 32, … of the block from its lowest bits up, so that sixteen neighboring columns are one shift away. The last
/// block is filled with zeros. A stored code is u plus half of their number.
/// </summary>
/// <param name="Words">int32 [out, 16 · blocks].</param>
/// <param name="Scale">[out]: what one p is worth.</param>
/// <param name="InFeatures">Columns.</param>
/// <param name="Bits">Bits of the quantizer, 1 to 8.</param>
/// <param name="IsOdd">Whether p = 2u + 1 (StatsQ) or p = u.</param>
[EditorBrowsable(EditorBrowsableState.Never)]
public readonly record struct PackedWeight(Tensor Words, Tensor Scale, long InFeatures, int Bits, bool IsOdd)
{
    private const int BlockWords = 16;

    /// <summary>Bits that a weight of the given bits is packed in: 1 takes 2, and 5 to 7 take 8.</summary>
    public static int PackedBits(int bits) => bits switch { <= 2 => 2, 3 => 3, 4 => 4, _ => 8 };

    /// <summary>Words of a row.</summary>
    public static long RowWords(long inFeatures, int bits)
    {
        var columns = BlockWords * (32 / PackedBits(bits));
        return (inFeatures + columns - 1) / columns * BlockWords;
    }

    /// <summary>Bits of a stored code.</summary>
    internal int CodeBits => PackedBits(Bits);

    /// <summary>Levels in a word.</summary>
    internal int PerWord => 32 / CodeBits;

    /// <summary>p of code 0.</summary>
    internal int LowestLevel => IsOdd ? 1 - (1 << CodeBits) : -(1 << (CodeBits - 1));

    /// <summary>As kernels take it.</summary>
    internal PackedCodes Codes => new(Words, Scale, InFeatures, CodeBits, IsOdd, LowestLevel);

    /// <summary>Packs levels.</summary>
    /// <param name="levels">The levels.</param>
    /// <param name="bits">Bits of the quantizer.</param>
    /// <param name="isOdd">Whether the levels are StatsQ's odd ones.</param>
    public static PackedWeight Of(WeightLevels levels, int bits, bool isOdd)
    {
        using var scope = NewDisposeScope();
        var packed = PackedBits(bits);
        var (rows, columns) = (levels.Stored.size(0), levels.Stored.size(1));
        var words = RowWords(columns, bits);
        var perWord = 32 / packed;
        var u = isOdd && !levels.IsHalved ? levels.Stored.bitwise_right_shift(1) : levels.Stored;
        var codes = zeros([rows, words * perWord], dtype: ScalarType.Int32, device: u.device);
        codes.narrow(1, 0, columns).copy_(u.to(ScalarType.Int32).add_(1 << (packed - 1)));
        var lanes = codes.view(rows, words / BlockWords, perWord, BlockWords);
        var result = zeros([rows, words / BlockWords, BlockWords], dtype: ScalarType.Int32, device: u.device);
        for (var place = 0; place < perWord; place++)
        {
            result.bitwise_or_(lanes.select(2, place).bitwise_left_shift(packed * place));
        }

        return new(
            result.view(rows, words).MoveToOuterDisposeScope(),
            levels.Scale.alias().MoveToOuterDisposeScope(),
            columns,
            bits,
            isOdd);
    }

    /// <summary>The levels in 8 bits; the caller owns them, but not the scale.</summary>
    public WeightLevels Unpack()
    {
        var isHalved = IsOdd && Bits == 8;
        // Codes of 8 bits may belong to fewer levels.
        var span = CodeBits < 8
            ? new IntegerRange(LowestLevel, IsOdd ? 2 : 1, (1 << CodeBits) - 1)
            : (IntegerRange?)null;
        if (CudaPacked.For(Codes, ScalarType.Float32) is { } kernels)
        {
            return new(CudaPacked.Unpack(kernels, Codes, isHalved), Scale, isHalved) { Span = span };
        }

        if (PackedKernels.Supports(Codes))
        {
            return new(PackedKernels.Unpack(Codes, isHalved), Scale, isHalved) { Span = span };
        }

        using var scope = NewDisposeScope();
        var (words, bits) = (Words, CodeBits);
        var places = Enumerable.Range(0, PerWord)
            .Select(place => words.bitwise_right_shift(bits * place).bitwise_and((1 << bits) - 1).view(
                words.size(0), -1, 1, BlockWords));
        var codes = cat([.. places], 2).view(words.size(0), -1).narrow(1, 0, InFeatures);
        var stored = isHalved ? codes.sub(1 << (bits - 1)) : codes.mul(IsOdd ? 2 : 1).add_(LowestLevel);
        return new(scope.MoveToOuter(stored.to(ScalarType.Int8)), Scale, isHalved) { Span = span };
    }

    /// <summary>ŵ [out, in]; the caller owns it.</summary>
    /// <param name="type">Of the result; that of the scale if null.</param>
    public Tensor Dequantize(ScalarType? type = null)
    {
        if (CudaPacked.For(Codes, type ?? Scale.dtype) is { } kernels)
        {
            return CudaPacked.Dequantize(kernels, Codes, type ?? Scale.dtype);
        }

        var levels = Unpack();
        using (levels.Stored)
        {
            return levels.Dequantize(type);
        }
    }

    /// <summary>
    /// <c>y = x Ŵᵀ + b</c>; with few rows straight from the packed words, else by way of ŵ for the time of the call.
    /// </summary>
    /// <param name="x">[n, in].</param>
    /// <param name="bias">[out], or null.</param>
    /// <returns>[n, out].</returns>
    public Tensor Linear(Tensor x, Tensor? bias)
    {
        if (CudaPacked.Suits(x) && CudaPacked.For(Codes, x.dtype) is { } kernels)
        {
            return CudaPacked.Linear(kernels, x, Codes, bias);
        }

        if (PackedKernels.SupportsFloats(Codes, x))
        {
            return PackedKernels.Linear(x, Codes, bias);
        }

        using var weight = Dequantize();
        return nn.functional.linear(x, weight, bias);
    }
}
