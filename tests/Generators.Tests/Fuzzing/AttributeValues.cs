using System.Diagnostics;
using System.Globalization;
using Marrow.Generators.Analysis;
using Marrow.Generators.Emission;
using Marrow.Generators.Methods;
using Marrow.Generators.Reading;
using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Marrow.Generators.Tests.Fuzzing;

/// <summary>
/// Random values of all options of all attributes: nothing throws, no class takes longer than 100 ms, and a class has
/// either an MRW error or emitted code that compiles without a warning.
/// </summary>
/// <remarks>
/// 500 programs run with the tests. <c>MARROW_FUZZ=20000 dotnet run -c Release --project tests/Generators.Tests --
/// -class Marrow.Generators.Tests.Fuzzing.AttributeValues</c> runs more, and <c>MARROW_FUZZ_SEED</c> starts elsewhere.
/// </remarks>
public class AttributeValues
{
    private const int Batch = 25;
    private const int Tries = 20;
    private static readonly TimeSpan Most = TimeSpan.FromMilliseconds(100);

    [Fact]
    public async Task RandomPrograms_HaveAnErrorOrCompile()
    {
        var programs = Number("MARROW_FUZZ", 500);
        var first = Number("MARROW_FUZZ_SEED", 1);
        var failures = new List<string>();
        var (invalid, valid) = (0, 0);
        for (var start = 0; start < programs && failures.Count == 0; start += Batch)
        {
            var sources = Enumerable.Range(start, Math.Min(Batch, programs - start))
                .Select(number => (Number: number, Text: new RandomPrograms(first + number).Next(number)))
                .ToList();
            var compilation = TestCompilation.Create(RandomPrograms.Elsewhere)
                .AddSyntaxTrees(sources.Select(source => TestCompilation.Parse(source.Text, $"P{source.Number}.cs")));
            var driver = TestCompilation.Driver().RunGeneratorsAndUpdateCompilation(
                compilation, out var output, out _, TestContext.Current.CancellationToken);
            if (driver.GetRunResult().Results[0].Exception is { } exception)
            {
                failures.Add($"The generator threw on one of programs {start}…: {exception}");
                break;
            }

            var found = (await output.WithAnalyzers([new ModelAnalyzer()], options: null)
                .GetAnalyzerDiagnosticsAsync(TestContext.Current.CancellationToken)).ToList();
            var compiled = output.GetDiagnostics(TestContext.Current.CancellationToken)
                .Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning)
                .Where(diagnostic => diagnostic.Id is not ("CS1591" or "CS8625")) // a null of the program's own
                .ToList();
            foreach (var (number, text) in sources)
            {
                var own = found.Where(diagnostic => FileOf(diagnostic) == $"P{number}.cs").ToList();
                var problems = own.Where(diagnostic => diagnostic.Id is "AD0001" or "MRW008").ToList();
                var hasError = own.Exists(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
                _ = hasError ? invalid++ : valid++;

                // The compiler refuses some values itself, at the attribute; emitted files have no part in that.
                problems.AddRange(compiled.Where(diagnostic => hasError
                    ? FileOf(diagnostic).StartsWith($"P{number}.", StringComparison.Ordinal)
                        && FileOf(diagnostic) != $"P{number}.cs"
                    : FileOf(diagnostic).StartsWith($"P{number}.", StringComparison.Ordinal)));
                if (problems.Count > 0)
                {
                    failures.Add($"Seed {first + number}: {string.Join("\n", problems.Take(3))}\n{text}");
                }
            }

            failures.AddRange(TooSlow(compilation));
        }

        Assert.True(failures.Count == 0, string.Join("\n\n", failures.Take(5)));

        // Neither kind is rare, so the test does look at both.
        Assert.InRange(invalid, programs / 5, programs);
        Assert.InRange(valid, programs / 50, programs);
    }

    /// <summary>
    /// Classes that took too long, many times in a row: other processes may have the processor.
    /// </summary>
    private static IEnumerable<string> TooSlow(CSharpCompilation compilation)
    {
        foreach (var tree in compilation.SyntaxTrees)
        {
            var model = compilation.GetSemanticModel(tree);
            var declarations = tree.GetRoot().DescendantNodes()
                .OfType<Microsoft.CodeAnalysis.CSharp.Syntax.ClassDeclarationSyntax>();
            foreach (var declaration in declarations)
            {
                var type = model.GetDeclaredSymbol(declaration)!;
                var times = Enumerable.Range(0, Tries)
                    .Select(_ => Time(type, compilation))
                    .TakeWhile(time => time > Most)
                    .ToList();
                if (times.Count == Tries)
                {
                    yield return $"{type} took {times.Min().TotalMilliseconds:0} ms:\n{declaration}";
                }
            }
        }
    }

    private static TimeSpan Time(INamedTypeSymbol type, Compilation compilation)
    {
        var watch = Stopwatch.StartNew();
        if (GeneratorInput.Read(type, compilation, MethodTable.All, TestContext.Current.CancellationToken) is { } input)
        {
            ModelFiles.Emit(input, MethodTable.All);
        }

        return watch.Elapsed;
    }

    private static string FileOf(Diagnostic diagnostic) =>
        Path.GetFileName(diagnostic.Location.SourceTree?.FilePath ?? "");

    private static int Number(string variable, int unset) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number)
            ? number : unset;
}
