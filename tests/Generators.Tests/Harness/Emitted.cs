using Microsoft.CodeAnalysis;
using Xunit;

namespace Marrow.Generators.Tests.Harness;

/// <summary>Emitted code of a test source, with the promise that it compiles without a warning.</summary>
internal static class Emitted
{
    /// <summary>The file emitted for one class.</summary>
    public static string For(string className, string source, params MetadataReference[] more)
    {
        TestCompilation.Driver().RunGeneratorsAndUpdateCompilation(
            TestCompilation.Create(source, more), out var output, out var problems, TestContext.Current.CancellationToken);
        Assert.Empty(problems);
        Assert.Empty(output.GetDiagnostics(TestContext.Current.CancellationToken)
            .Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning && diagnostic.Id != "CS1591"));
        return output.SyntaxTrees.Single(tree => Path.GetFileName(tree.FilePath) == $"{className}.g.cs").ToString();
    }
}
