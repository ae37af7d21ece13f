namespace Marrow.Tool.Explanation;

/// <summary>What the generator makes of a class.</summary>
/// <param name="Name">The class's name.</param>
/// <param name="Base">The class that it derives from, or null.</param>
/// <param name="File">Its file.</param>
/// <param name="Line">Its line there, from 1.</param>
/// <param name="Summary">What it is and what it costs, in sentences.</param>
/// <param name="Cost">What it costs, in numbers.</param>
/// <param name="Findings">What the generator finds wrong with it.</param>
/// <param name="Layers">Its layers, as a tree.</param>
/// <param name="Causes">Its attributes, each with what is emitted because of it.</param>
/// <param name="Files">Everything that is emitted.</param>
internal sealed record ExplainedModel(
    string Name,
    string? Base,
    string File,
    int Line,
    IReadOnlyList<string> Summary,
    Cost Cost,
    IReadOnlyList<Finding> Findings,
    IReadOnlyList<LayerNode> Layers,
    IReadOnlyList<Cause> Causes,
    IReadOnlyList<EmittedText> Files);

/// <summary>What a class costs; null where sizes are known only at run time.</summary>
/// <param name="Parameters">All parameters, adapters included.</param>
/// <param name="Trainable">Those that training changes.</param>
/// <param name="Bytes">Size of all in float32.</param>
internal sealed record Cost(long? Parameters, long? Trainable, long? Bytes);

/// <summary>Something that is wrong.</summary>
/// <param name="Id">The diagnostic.</param>
/// <param name="Place">File, line and column.</param>
/// <param name="Message">The sentence.</param>
internal sealed record Finding(string Id, string Place, string Message);

/// <summary>A layer, or a block of layers.</summary>
/// <param name="Name">The last part of its name; <c>{0-31}</c> for equal copies.</param>
/// <param name="Layer">What it is; null for a block.</param>
/// <param name="Children">What is in a block.</param>
internal sealed record LayerNode(string Name, LayerFacts? Layer, IReadOnlyList<LayerNode> Children);

/// <summary>A layer, or equal copies of one. Counts are those of one copy; null: known only at run time.</summary>
/// <param name="Copies">How many there are.</param>
/// <param name="Shape">Its shape in words.</param>
/// <param name="Method">Its adapter and quantizer in words; null if it has none.</param>
/// <param name="Formula">What it computes.</param>
/// <param name="Parameters">Its parameters without adapter.</param>
/// <param name="AdapterParameters">Those of its adapter.</param>
/// <param name="IsTrained">Whether its own parameters are trained.</param>
/// <param name="Keeps">What its forward keeps for the backward.</param>
internal sealed record LayerFacts(
    long? Copies,
    string Shape,
    string? Method,
    IReadOnlyList<string> Formula,
    long? Parameters,
    long? AdapterParameters,
    bool IsTrained,
    string Keeps);

/// <summary>An attribute and what is emitted because of it.</summary>
/// <param name="Source">The attribute, with what carries it.</param>
/// <param name="Line">Its line, from 1.</param>
/// <param name="Emitted">The code.</param>
internal sealed record Cause(string Source, int Line, IReadOnlyList<string> Emitted);

/// <summary>An emitted file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Text">Its text.</param>
internal sealed record EmittedText(string Name, string Text);
