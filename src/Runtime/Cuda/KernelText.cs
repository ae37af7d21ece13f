using System.Collections.Concurrent;

namespace Marrow.Cuda;

/// <summary>A kernel text of <c>Texts</c>, in CUDA C++, and what is set when it is compiled.</summary>
/// <param name="Name">Its file, without ".cu".</param>
/// <param name="Defines">As "SIZE=64", in an order of their own, separated by spaces.</param>
internal sealed record KernelText(string Name, string Defines)
{
    /// <summary>What texts include.</summary>
    public const string Header = "marrow.cuh";

    private static readonly ConcurrentDictionary<string, string> Read = new();

    public string Source => Resource($"{Name}.cu");

    public IReadOnlyList<string> DefineList => Defines.Split(' ');

    public override string ToString() => $"{Name} ({Defines})";

    public static string Resource(string file) => Read.GetOrAdd(file, static file =>
    {
        using var reader = new StreamReader(typeof(KernelText).Assembly.GetManifestResourceStream(file)!);
        return reader.ReadToEnd();
    });
}
