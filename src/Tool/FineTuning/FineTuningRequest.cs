using Marrow.Language;

namespace Marrow.Tool.FineTuning;

/// <summary>What a run of fine-tuning is to do.</summary>
/// <param name="Data">Files of texts.</param>
/// <param name="Files">How they are read.</param>
/// <param name="Steps">Optimizer steps; null: those of the epochs.</param>
/// <param name="Epochs">Passes over the data.</param>
/// <param name="Options">The recipe; a warm-up and an evaluation of -1 are chosen once the steps are known.</param>
/// <param name="Solve">Held-out problems that are solved at the end.</param>
/// <param name="Type">The type of the base's weights.</param>
/// <param name="Out">The folder of the results.</param>
/// <param name="Merges">Whether the merged model is saved.</param>
/// <param name="Resumes">Whether an earlier run goes on.</param>
/// <param name="Forces">Whether what is there is written over.</param>
internal sealed record FineTuningRequest(
    IReadOnlyList<string> Data,
    TextFileOptions Files,
    int? Steps,
    double Epochs,
    FineTuningOptions Options,
    int Solve,
    string Type,
    string Out,
    bool Merges,
    bool Resumes,
    bool Forces)
{
    /// <summary>Where the training is saved.</summary>
    public string Checkpoint => Path.Combine(Out, "checkpoint.safetensors");

    /// <summary>Where what decides it is saved, so that a run goes on with the same.</summary>
    public string Settings => Path.Combine(Out, "settings.json");

    /// <summary>Where the adapter is saved.</summary>
    public string Adapter => Path.Combine(Out, "adapter");

    /// <summary>Where the merged model, or the one whose weights all were trained, is saved.</summary>
    public string Merged => Path.Combine(Out, "merged");

    /// <summary>Where the report is saved.</summary>
    public string Report => Path.Combine(Out, "report.html");

    /// <summary>Where the results are saved.</summary>
    public string Results => Path.Combine(Out, "results.json");
}
