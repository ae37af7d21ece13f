namespace Marrow.Kernels.PackedGemv;

/// <summary>Bits of a code as a constant, so that shifts have immediate counts.</summary>
internal interface ICodeBits
{
    static abstract int Bits { get; }
}

internal readonly struct TwoBits : ICodeBits
{
    public static int Bits => 2;
}

internal readonly struct ThreeBits : ICodeBits
{
    public static int Bits => 3;
}

internal readonly struct FourBits : ICodeBits
{
    public static int Bits => 4;
}
