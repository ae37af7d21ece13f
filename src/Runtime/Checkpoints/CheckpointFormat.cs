using System.Text.Json.Nodes;

namespace Marrow.Checkpoints;

/// <summary>Another library's names for an architecture, beside those that its class says.</summary>
/// <param name="Map">The rules from the class's names to the library's.</param>
/// <param name="Configuration">The library's config.json of the model.</param>
internal sealed record CheckpointFormat(Action<CheckpointMap> Map, Func<JsonObject> Configuration);

/// <summary>An architecture that several libraries have checkpoints of.</summary>
internal interface ICheckpointFormats
{
    /// <summary>The format of a checkpoint; null: its names are those that the class says.</summary>
    /// <param name="names">The names of its tensors.</param>
    CheckpointFormat? FormatOf(IReadOnlyCollection<string> names);
}
