using System.Diagnostics;
using Marrow.Generators.Tests.Harness;

namespace Marrow.Benchmarks;

/// <summary>
/// The generator on 100 annotated variants of a nested model: the first run, and one after an unrelated edit.
/// </summary>
internal static class GeneratorBenchmark
{
    private const string Name = "generator";
    private const int Variants = 100;

    public static IEnumerable<Measurement> Run(Func<string, bool> wanted)
    {
        if (!wanted(Name))
        {
            yield break;
        }

        var variants = string.Join("\n", Enumerable.Range(1, Variants).Select(i =>
            (i % 2 == 0 ? $"[Bone(BlockSize = {8 * i})]" : $"[Lora(Rank = {i})]")
            + $" public partial class Variant{i}() : Marrow.Models.Llama(32000, {64 * i}, {128 * i}, 32, 8, 4);"));
        var compilation = TestCompilation.Create(variants, TestCompilation.ModelsAssembly)
            .AddSyntaxTrees(TestCompilation.Parse("// first", "Other.cs"));

        // The compiler itself starts slowly; what counts is the generator in an editor that has been open for a while.
        TestCompilation.Driver().RunGenerators(compilation);
        var (first, again) = (new List<double>(), new List<double>());
        for (var round = 0; round < 11; round++)
        {
            var fresh = compilation.Clone();
            var driver = TestCompilation.Driver();
            var start = Stopwatch.GetTimestamp();
            driver = driver.RunGenerators(fresh);
            first.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);

            var other = fresh.SyntaxTrees.Single(tree => tree.FilePath == "Other.cs");
            var edited = fresh.ReplaceSyntaxTree(other, TestCompilation.Parse($"// edit {round}", "Other.cs"));
            start = Stopwatch.GetTimestamp();
            driver.RunGenerators(edited);
            again.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        yield return new(Name, $"{Variants} variants of LLaMA", "first run, ms", Median(first), "none");
        yield return new(Name, $"{Variants} variants of LLaMA", "run after an unrelated edit, ms", Median(again),
            "none");
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);
}
