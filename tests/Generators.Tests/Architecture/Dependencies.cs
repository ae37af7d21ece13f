using Xunit;

namespace Marrow.Generators.Tests.Architecture;

/// <summary>
/// Dependencies between folders point one way. Each table lists a project's folders so that a folder may use only those
/// above it; and nothing uses a method's folder, but for the file that registers it.
/// </summary>
public class Dependencies
{
    private static readonly string[] Kernels =
    [
        "", "Memory", "Vectors", "Threading", "Reductions", "Quantizers", "IntegerGemm", "PackedGemv", "Normalization",
        "Optimizers", "Recurrence", "Attention",
    ];

    private static readonly string[] Runtime =
    [
        "Native", "Cuda", "Checkpoints", "Autograd", "Recurrence",
        "Quantization", "Quantization/Packed", "Quantization/StatsQ", "Quantization/Lsq", "Onnx",
        "Checkpoints/Gguf", "Layers", "Adapters/Peft", "Adapters", "Models", "Quantization/Layers", "Quantization/Qkr",
        "Operations", "Peft",
        "Quantization/Oscillations", "Training", "Adapters/Bone", "Adapters/LowRank",
    ];

    private static readonly string[] Generators =
    [
        "Equatable", "Sizes", "Diagnostics", "Declarations", "Resolution", "Rules",
        "Methods/Attention", "Methods/StatsQ", "Methods/Lsq", "Methods/Qkr",
        "Methods", "Methods/Bone", "Methods/LowRank", "Methods/Lora", "Methods/Dora",
        "Reading", "Analysis", "Emission", "",
    ];

    /// <summary>Folders of methods. LowRank is what LoRA and DoRA share.</summary>
    private static readonly string[] Methods =
    [
        "Adapters/Bone", "Adapters/LowRank", "Quantization/Lsq", "Quantization/Qkr", "Quantization/StatsQ",
        "Methods/Attention", "Methods/Bone", "Methods/Dora", "Methods/Lora", "Methods/Lsq", "Methods/Qkr",
        "Methods/StatsQ",
    ];

    public static TheoryData<string> Projects => ["Kernels", "Runtime", "Generators"];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_UseOnlyThoseAboveThem(string project)
    {
        var order = Order(project);
        Assert.Empty(Read(project).Uses
            .Where(use => !IsRegistration(use)
                && Array.IndexOf(order, use.To) is var to
                && (to < 0 || to > Array.IndexOf(order, use.From)))
            .Select(use => use.ToString()));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Methods_AreNamedOnlyWhereTheyAreRegistered(string project) =>
        Assert.Empty(Read(project).Uses
            .Where(use => Methods.Contains(use.To) && !IsRegistration(use))
            .Select(use => use.ToString()));

    [Theory]
    [MemberData(nameof(Projects))]
    public void Namespaces_AreFolders(string project) => Assert.Empty(Read(project).Misplaced);

    private static bool IsRegistration(FolderUse use) => use
        is { From: "Methods", File: "MethodTable.cs" }
        or { From: "Quantization", File: "QuantizerMethods.cs" }
        or { From: "Peft", File: "AdapterLayers.cs" }
        or { From: "Checkpoints", File: "CheckpointFile.cs" };

    private static FolderGraph Read(string project) =>
        project == "Runtime" ? FolderGraph.Of(project, "Marrow.CompilerServices") : FolderGraph.Of(project);

    private static string[] Order(string project) => project switch
    {
        "Kernels" => Kernels,
        "Runtime" => Runtime,
        _ => Generators,
    };
}
