using System.Text.Json;
using System.Text.Json.Nodes;

namespace Marrow;

/// <summary>
/// An architecture with a public checkpoint format: it compares a checkpoint's config.json with its own sizes, and
/// writes one.
/// </summary>
public interface IPretrained
{
    /// <summary>What in a config.json does not fit this model, one sentence per field; empty if all fits.</summary>
    IEnumerable<string> ConfigurationFaults(JsonElement configuration);

    /// <summary>The config.json of this model.</summary>
    JsonObject Configuration();
}
