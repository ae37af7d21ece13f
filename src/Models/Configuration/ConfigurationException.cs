namespace Marrow.Models;

/// <summary>A config.json is not of a model that an architecture is. The caller adds the file.</summary>
/// <param name="problem">Which field, and what is wrong with it.</param>
/// <param name="supported">What would be right.</param>
internal sealed class ConfigurationException(string problem, string? supported = null)
    : Exception(supported is null ? problem : $"{problem} (supported: {supported})");
