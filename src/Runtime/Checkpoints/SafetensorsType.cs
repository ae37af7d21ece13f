using static TorchSharp.torch;

namespace Marrow.Checkpoints;

/// <summary>The element types of the safetensors format that torch tensors can hold.</summary>
internal static class SafetensorsType
{
    // In the order of the format's own enumeration: files list their tensors from its end, widest first.
    private static readonly (string Name, ScalarType Type, int Size)[] Types =
    [
        ("BOOL", ScalarType.Bool, 1), ("U8", ScalarType.Byte, 1), ("I8", ScalarType.Int8, 1),
        ("I16", ScalarType.Int16, 2), ("F16", ScalarType.Float16, 2), ("BF16", ScalarType.BFloat16, 2),
        ("I32", ScalarType.Int32, 4), ("F32", ScalarType.Float32, 4),
        ("F64", ScalarType.Float64, 8), ("I64", ScalarType.Int64, 8),
    ];

    public static string All { get; } = string.Join(", ", Types.Select(type => type.Name));

    public static ScalarType? Parse(string name) =>
        Types.FirstOrDefault(type => type.Name == name) is { Name: not null } found ? found.Type : null;

    public static bool IsSupported(ScalarType type) => Index(type) >= 0;

    public static string Name(ScalarType type) =>
        Index(type) is var index and >= 0 ? Types[index].Name : type.ToString();

    public static bool IsFloat(ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64;

    public static int Size(ScalarType type) => Types[Index(type)].Size;

    /// <summary>Rank in the format's enumeration; a larger rank comes first in a file.</summary>
    public static int Index(ScalarType type) => Array.FindIndex(Types, known => known.Type == type);
}
