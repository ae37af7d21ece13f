using Microsoft.CodeAnalysis;
using Xunit;

namespace Marrow.Generators.Tests.Harness;

/// <summary>Emitted code of a test source, with the promise that it compiles without a warning.</summary>
internal static class EmittedText
{
    /// <summary>The files emitted for one class, its other part first.</summary>
    public static string For(string className, string source, params MetadataReference[] more)
    {
        TestCompilation.Driver().RunGeneratorsAndUpdateCompilation(
            TestCompilation.Create(source, more), out var output, out var problems,
                TestContext.Current.CancellationToken);
        Assert.Empty(problems);
        Assert.Empty(output.GetDiagnostics(TestContext.Current.CancellationToken)
            .Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning && diagnostic.Id != "CS1591"));
        var texts = output.SyntaxTrees.ToDictionary(tree => Path.GetFileName(tree.FilePath), tree => tree.ToString());
        Assert.All(
            texts.Where(file => file.Key.EndsWith(".g.cs", StringComparison.Ordinal))
                .SelectMany(file => file.Value.Split('\n')),
            line => Assert.True(line.Length <= 120, $"More than 120 columns: {line}"));
        return texts.TryGetValue($"{className}.Layers.g.cs", out var layers)
            ? $"{texts[$"{className}.g.cs"]}\n\n// {className}.Layers.g.cs\n\n{layers}"
            : texts[$"{className}.g.cs"];
    }
}
