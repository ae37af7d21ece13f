namespace Marrow;

/// <summary>How a GGUF file stores weights.</summary>
public enum GgufType
{
    /// <summary>32 bits.</summary>
    F32 = 0,

    /// <summary>16 bits, half precision.</summary>
    F16 = 1,

    /// <summary>4 bits, and a scale of 16 bits for 32 weights: 4.5 bits a weight.</summary>
    Q4_0 = 2,

    /// <summary>8 bits, and a scale of 16 bits for 32 weights: 8.5 bits a weight.</summary>
    Q8_0 = 8,

    /// <summary>16 bits, bfloat16.</summary>
    BF16 = 30,
}
