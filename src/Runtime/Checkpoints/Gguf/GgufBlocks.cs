using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Marrow.Checkpoints.Gguf;

/// <summary>The types' layouts: ggml's quantize_row_*_ref and dequantize_row_*.</summary>
internal static class GgufBlocks
{
    private const int QuantizedWeights = 32;

    /// <summary>Weights that are stored together.</summary>
    public static int Weights(GgufType type) => type is GgufType.Q4_0 or GgufType.Q8_0 ? QuantizedWeights : 1;

    /// <summary>Bytes of these weights.</summary>
    public static int Bytes(GgufType type) => type switch
    {
        GgufType.F32 => 4,
        GgufType.Q4_0 => 2 + (QuantizedWeights / 2),
        GgufType.Q8_0 => 2 + QuantizedWeights,
        _ => 2,
    };

    /// <summary>Bytes of a number of weights, which is a multiple of <see cref="Weights"/>.</summary>
    public static long Bytes(GgufType type, long count) => checked(count / Weights(type) * Bytes(type));

    /// <summary>Stores weights.</summary>
    public static void Encode(GgufType type, ReadOnlySpan<float> values, Span<byte> stored)
    {
        switch (type)
        {
            case GgufType.F32:
                MemoryMarshal.AsBytes(values).CopyTo(stored);
                break;
            case GgufType.F16:
                for (var i = 0; i < values.Length; i++)
                {
                    BinaryPrimitives.WriteHalfLittleEndian(stored[(2 * i)..], (Half)values[i]);
                }

                break;
            case GgufType.BF16:
                for (var i = 0; i < values.Length; i++)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(stored[(2 * i)..], ToBFloat16(values[i]));
                }

                break;
            default:
                for (var i = 0; i < values.Length / QuantizedWeights; i++)
                {
                    var block = values.Slice(i * QuantizedWeights, QuantizedWeights);
                    var bytes = stored.Slice(i * Bytes(type), Bytes(type));
                    if (type == GgufType.Q8_0)
                    {
                        EncodeQ8(block, bytes);
                    }
                    else
                    {
                        EncodeQ4(block, bytes);
                    }
                }

                break;
        }
    }

    /// <summary>Reads weights.</summary>
    public static void Decode(GgufType type, ReadOnlySpan<byte> stored, Span<float> values)
    {
        switch (type)
        {
            case GgufType.F32:
                stored.CopyTo(MemoryMarshal.AsBytes(values));
                break;
            case GgufType.F16:
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(stored[(2 * i)..]);
                }

                break;
            case GgufType.BF16:
                for (var i = 0; i < values.Length; i++)
                {
                    values[i] = BitConverter.UInt32BitsToSingle(
                        (uint)BinaryPrimitives.ReadUInt16LittleEndian(stored[(2 * i)..]) << 16);
                }

                break;
            default:
                for (var i = 0; i < values.Length / QuantizedWeights; i++)
                {
                    var bytes = stored.Slice(i * Bytes(type), Bytes(type));
                    var scale = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);
                    var block = values.Slice(i * QuantizedWeights, QuantizedWeights);
                    for (var j = 0; j < QuantizedWeights; j++)
                    {
                        block[j] = scale * (type == GgufType.Q8_0
                            ? (sbyte)bytes[2 + j]
                            : (j < 16 ? bytes[2 + j] & 15 : bytes[2 + j - 16] >> 4) - 8);
                    }
                }

                break;
        }
    }

    private static void EncodeQ8(ReadOnlySpan<float> block, Span<byte> bytes)
    {
        var most = 0f;
        foreach (var value in block)
        {
            most = Math.Max(most, Math.Abs(value));
        }

        var scale = most / 127;
        BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)scale);
        for (var i = 0; i < block.Length; i++)
        {
            bytes[2 + i] = (byte)(sbyte)(scale == 0 ? 0 : MathF.Round(block[i] / scale, MidpointRounding.AwayFromZero));
        }
    }

    private static void EncodeQ4(ReadOnlySpan<float> block, Span<byte> bytes)
    {
        var scale = Step(block) ?? Largest(block) / -8;
        BinaryPrimitives.WriteHalfLittleEndian(bytes, (Half)scale);
        bytes[2..].Clear();
        for (var i = 0; i < block.Length; i++)
        {
            var level = scale == 0 ? 8 : Math.Clamp((int)MathF.Floor((block[i] / scale) + 8.5f), 0, 15);
            bytes[2 + (i % 16)] |= (byte)(i < 16 ? level : level << 4);
        }
    }

    /// <summary>
    /// The step of weights that lie on at most 16 levels already, as those quantized to 2 and 3 bits do: then storing
    /// them loses nothing but the scale's rounding. Null if they do not.
    /// </summary>
    private static float? Step(ReadOnlySpan<float> block)
    {
        var least = float.MaxValue;
        foreach (var value in block)
        {
            least = value == 0 ? least : Math.Min(least, Math.Abs(value));
        }

        for (var level = 1; level <= 7; level++)
        {
            if (IsGrid(block, least / level))
            {
                return least / level;
            }
        }

        return null;
    }

    private static bool IsGrid(ReadOnlySpan<float> block, float step)
    {
        foreach (var value in block)
        {
            var (level, whole) = (value / step, MathF.Round(value / step));
            if (whole is < -8 or > 7 || Math.Abs(level - whole) > 1e-3f)
            {
                return false;
            }
        }

        return true;
    }

    private static float Largest(ReadOnlySpan<float> block)
    {
        var largest = 0f;
        foreach (var value in block)
        {
            largest = Math.Abs(value) > Math.Abs(largest) ? value : largest;
        }

        return largest;
    }

    /// <summary>Rounds to the nearest, ties to even.</summary>
    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 64) : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}
