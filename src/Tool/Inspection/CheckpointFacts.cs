using System.Text.Json;

namespace Marrow.Tool.Inspection;

/// <summary>What a checkpoint or an adapter holds.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Kind">What it is, in words.</param>
/// <param name="Architecture">The class or family that its configuration names; null if it names none.</param>
/// <param name="Parameters">Values of all tensors.</param>
/// <param name="Bytes">Their size as stored.</param>
/// <param name="Types">Values by the type that they are stored in.</param>
/// <param name="Files">The files that hold them.</param>
/// <param name="Loading">Whether Marrow loads it.</param>
/// <param name="Settings">What an adapter's configuration states; null for a model.</param>
/// <param name="Notes">What is left aside.</param>
/// <param name="Tensors">The tensors.</param>
internal sealed record CheckpointFacts(
    string Path,
    string Kind,
    string? Architecture,
    long Parameters,
    long Bytes,
    IReadOnlyDictionary<string, long> Types,
    IReadOnlyList<FileFacts> Files,
    LoadingFacts Loading,
    IReadOnlyDictionary<string, JsonElement>? Settings,
    IReadOnlyList<string> Notes,
    IReadOnlyList<TensorFacts> Tensors);

/// <summary>A file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Bytes">Its size.</param>
internal sealed record FileFacts(string Name, long Bytes);

/// <summary>A tensor.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Shape">Its sizes, outermost first.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Bytes">Its size as stored.</param>
internal sealed record TensorFacts(string Name, IReadOnlyList<long> Shape, string Type, long Bytes)
{
    /// <summary>Its values.</summary>
    internal long Count => Shape.Aggregate(1L, (product, size) => product * size);
}

/// <summary>Whether Marrow loads a checkpoint.</summary>
/// <param name="Loads">Whether it does; null if that could not be found out.</param>
/// <param name="Class">The class that it becomes, where one is known.</param>
/// <param name="Reason">Why not, or what was not looked at.</param>
internal sealed record LoadingFacts(bool? Loads, string? Class, string? Reason);
