using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Diagnostics;

/// <summary>The diagnostics, one per rule. The rules word the messages.</summary>
internal static class Descriptors
{
    private static readonly DiagnosticDescriptor[] All =
    [
        Error(DiagnosticIds.ModelClassShape, "A model is one partial class that derives from nothing but a model"),
        Error(
            DiagnosticIds.LayerPropertyShape,
            "A layer is a public or protected, partial, get-only property of the layer's type"),
        Error(DiagnosticIds.SizeExpression, "A size is a constant or an expression over the constructor's parameters"),
        Error(DiagnosticIds.SizeNotPositive, "Sizes are positive"),
        Error(DiagnosticIds.CircularBlocks, "A model cannot contain itself"),
        Error(
            DiagnosticIds.AdapterPlacement,
            "Adapters and quantizers go on a model, on one class of a line of derivation"),
        Error(DiagnosticIds.ForwardMethod, "A model has one [Forward] method"),
        Error(DiagnosticIds.InternalError, "Marrow failed on a class"),
        Error(DiagnosticIds.LayerName, "A layer has a checkpoint name of its own"),
        Error(DiagnosticIds.UndeclaredState, "Modules and tensors of a model are declared as layers"),
        Error(DiagnosticIds.CheckpointMapping, "What a class says about its checkpoint suits its layers"),
        Error(DiagnosticIds.Replacement, "A replacement derives from a block of the model and is made as it is"),
        Error(DiagnosticIds.BlockSize, "The block size divides the features it must divide"),
        Error(DiagnosticIds.Rank, "The rank is in 1 to the smaller size of the layer"),
        Error(DiagnosticIds.TwoAdapters, "A layer has one adapter"),
        Warning(DiagnosticIds.TargetsMatchNothing, "Targets matches a layer"),
        Warning(DiagnosticIds.AdapterTooLarge, "An adapter is smaller than the layer it adapts"),
        Error(DiagnosticIds.LayerOption, "The options of a layer are in their range"),
        Error(DiagnosticIds.ParameterCount, "A model has fewer than 2^59 parameters"),
        Error(DiagnosticIds.MeansNothing, "An adapter or a quantizer has a layer that takes it"),
        Error(DiagnosticIds.QuantizerBits, "The quantizers have the given bits"),
        Error(DiagnosticIds.Cga, "CGA anneals StatsQ weights within a part of a level"),
        Error(DiagnosticIds.Qkr, "Query-key reparameterization needs a quantized attention"),
        Error(DiagnosticIds.HeadCount, "The heads of an attention divide its dimension"),
        Error(DiagnosticIds.UnknownOption, "The chosen adapter or quantizer has the given options"),
    ];

    private static readonly Dictionary<string, DiagnosticDescriptor> ById = All.ToDictionary(
        descriptor => descriptor.Id);

    public static IReadOnlyList<DiagnosticDescriptor> List => All;

    public static DiagnosticDescriptor Of(string id) => ById[id];

    /// <summary>
    /// Whether nothing but throwing members can be emitted. State that is not declared is the user's to take on, with a
    /// pragma, which the generator does not see.
    /// </summary>
    public static bool StopsEmission(string id) =>
        ById[id].DefaultSeverity == DiagnosticSeverity.Error && id != DiagnosticIds.UndeclaredState;

    private static DiagnosticDescriptor Error(string id, string title) => Create(id, title, DiagnosticSeverity.Error);

    private static DiagnosticDescriptor Warning(string id, string title) =>
        Create(id, title, DiagnosticSeverity.Warning);

    private static DiagnosticDescriptor Create(string id, string title, DiagnosticSeverity severity) =>
        new(id, title, "{0}", "Marrow", severity, isEnabledByDefault: true);
}
