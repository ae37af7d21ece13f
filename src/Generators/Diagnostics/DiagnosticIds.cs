namespace Marrow.Generators.Diagnostics;

/// <summary>
/// The public ids of Marrow's diagnostics: 0xx for classes, properties and expressions, 1xx for sizes of layers and
/// adapters, 2xx for quantizers and attention. An id is never reused; each has a page in docs/diagnostics.
/// </summary>
internal static class DiagnosticIds
{
    /// <summary>The property of a diagnostic that holds the values a code fix may offer, joined by commas.</summary>
    public const string FixesProperty = "Fixes";

    public const string ModelClassShape = "MRW001";
    public const string LayerPropertyShape = "MRW002";
    public const string SizeExpression = "MRW003";
    public const string SizeNotPositive = "MRW004";
    public const string CircularBlocks = "MRW005";
    public const string AdapterPlacement = "MRW006";
    public const string ForwardMethod = "MRW007";
    public const string InternalError = "MRW008";
    public const string LayerName = "MRW009";
    public const string UndeclaredState = "MRW010";
    public const string CheckpointMapping = "MRW011";
    public const string Replacement = "MRW012";
    public const string BlockSize = "MRW101";
    public const string Rank = "MRW102";
    public const string TwoAdapters = "MRW103";
    public const string TargetsMatchNothing = "MRW104";
    public const string AdapterTooLarge = "MRW105";
    public const string LayerOption = "MRW106";
    public const string ParameterCount = "MRW107";
    public const string MeansNothing = "MRW108";
    public const string QuantizerBits = "MRW201";
    public const string Cga = "MRW202";
    public const string Qkr = "MRW203";
    public const string HeadCount = "MRW204";
    public const string UnknownOption = "MRW205";
}
