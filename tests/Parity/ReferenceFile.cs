using System.Globalization;
using Marrow.Checkpoints;
using static TorchSharp.torch;

namespace Marrow.Parity;

/// <summary>A reference file: independent cases, each with tensors and metadata under its prefix.</summary>
internal sealed class ReferenceFile : IDisposable
{
    private readonly SafetensorsFile file;

    private ReferenceFile(SafetensorsFile file) => this.file = file;

    /// <summary>The name of the method.</summary>
    public string Fixture => file.Metadata.TryGetValue("fixture", out var fixture)
        ? fixture
        : Path.GetFileNameWithoutExtension(file.Path);

    public IEnumerable<ReferenceCase> Cases => Enumerable
        .Range(0, int.Parse(file.Metadata["case_count"], CultureInfo.InvariantCulture))
        .Select(i => new ReferenceCase(file, Fixture, $"c{i}.", Tolerance.Of(Fixture)));

    public static ReferenceFile Open(string path) => new(SafetensorsFile.Open(path));

    public void Dispose() => file.Dispose();
}

/// <summary>One case of a reference file.</summary>
internal sealed class ReferenceCase(SafetensorsFile file, string fixture, string prefix, Tolerance tolerance)
{
    /// <summary>The name of the method.</summary>
    public string Fixture => fixture;

    /// <summary>Names of the case's tensors, without prefix.</summary>
    public IEnumerable<string> Names => file.Tensors.Keys
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .Select(name => name[prefix.Length..]);

    public bool Has(string name) => file.Tensors.ContainsKey(prefix + name);

    public Tensor Tensor(string name) => file.ReadTensor(prefix + name);

    public int Integer(string name) => int.Parse(Text(name), CultureInfo.InvariantCulture);

    public double Number(string name) => double.Parse(Text(name), CultureInfo.InvariantCulture);

    public bool Flag(string name) => file.Metadata.TryGetValue(prefix + name, out var text) && text == "true";

    /// <summary>Compares a computed tensor with the stored one.</summary>
    public Comparison Compare(string name, Tensor computed) =>
        Comparison.Of(prefix + name, computed, Tensor(name), name.StartsWith("grad.", StringComparison.Ordinal)
            ? tolerance.ForGradients : tolerance);

    /// <summary>A metadata value as a word.</summary>
    public string Text(string name) => file.Metadata.TryGetValue(prefix + name, out var text)
        ? text
        : throw new InvalidDataException($"{file.Path}: the metadata lacks '{prefix + name}'.");
}
