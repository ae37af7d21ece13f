using System.Collections;
using System.Reflection;
using Marrow.Generators.Reading;
using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;
using static Microsoft.CodeAnalysis.IncrementalStepRunReason;

namespace Marrow.Generators.Tests.Incrementality;

/// <summary>What an edit makes the generator do again, step by step.</summary>
public class Steps
{
    private const string Architecture = """
        namespace Zoo;

        [Model]
        public partial class Mlp(int width, int hidden)
        {
            [Linear(nameof(width), nameof(hidden))] public partial Linear Up { get; }
            [Linear(nameof(hidden), nameof(width))] public partial Linear Down { get; }

            [Forward]
            private Tensor Network(Tensor x) => Down.call(gelu(Up.call(x)));
        }
        """;

    private const string Variant = "namespace Zoo; [Bone(BlockSize = 16)] public partial class Small() : Mlp(64, 256);";

    [Fact]
    public void Run_SameCompilation_ReRunsNothing()
    {
        var compilation = Start();
        var driver = TestCompilation.Driver().RunGenerators(compilation, TestContext.Current.CancellationToken);
        Assert.All(Reasons(driver.RunGenerators(compilation, TestContext.Current.CancellationToken),
            TrackingNames.Input), reason => Assert.Equal(Cached, reason));
    }

    [Theory]
    [InlineData("namespace Other; public class Unrelated { public int Value => 2; }")]
    [InlineData("// only a comment")]
    public void Run_UnrelatedEdit_LeavesEverySpecUnchangedAndEveryOutputCached(string edited)
    {
        var (specs, outputs) = RunAfter(compilation => Replace(compilation, "Other.cs", edited));
        Assert.Equal(2, specs.Count);
        Assert.All(specs, reason => Assert.Equal(Unchanged, reason));
        Assert.All(outputs, reason => Assert.Equal(Cached, reason));
    }

    [Fact]
    public void Run_EditOfTheForwardBody_LeavesEverySpecUnchangedAndEveryOutputCached()
    {
        var (specs, outputs) =
            RunAfter(compilation => Replace(compilation, "Mlp.cs", Architecture.Replace("gelu", "/* moved */ silu")));
        Assert.All(specs, reason => Assert.Equal(Unchanged, reason));
        Assert.All(outputs, reason => Assert.Equal(Cached, reason));
    }

    [Fact]
    public void Run_EditOfTheBaseClassInAnotherFile_UpdatesTheVariant()
    {
        var (specs, outputs) = RunAfter(compilation => Replace(
            compilation, "Mlp.cs", Architecture.Replace("Linear Up", "Linear Gate").Replace("Up.call", "Gate.call")));
        Assert.All(specs, reason => Assert.Equal(Modified, reason));
        Assert.All(outputs, reason => Assert.Equal(Modified, reason));
    }

    [Fact]
    public void Run_EditOfAnOptionOfTheVariant_LeavesTheArchitectureAlone()
    {
        var (specs, outputs) = RunAfter(compilation => Replace(compilation, "Small.cs", Variant.Replace("16", "32")));
        Assert.Equal([Modified, Unchanged], specs.Order());
        Assert.Equal([Modified, Cached], outputs.Order());
    }

    [Fact]
    public void Run_SecondVariant_LeavesTheFirstUntouched()
    {
        var (specs, outputs) = RunAfter(compilation =>
            Replace(compilation, "Other.cs", "namespace Zoo; [Lora] public partial class Second() : Mlp(64, 256);"));
        Assert.Equal([New, Unchanged, Unchanged], specs.Order());
        Assert.Equal([New, Cached, Cached], outputs.Order());
    }

    [Fact]
    public void Read_TwoCompilationsOfEqualSources_GivesEqualSpecsAndHashes()
    {
        var (one, two) = (Inputs(Start()), Inputs(Start()));
        Assert.Equal(one, two);
        Assert.Equal(one.Select(input => input.GetHashCode()), two.Select(input => input.GetHashCode()));
    }

    [Fact]
    public void Read_Spec_HoldsNoSymbolSyntaxOrCompilation()
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        Inputs(Start()).ForEach(input => Walk(input, "input"));
        Assert.True(seen.Count > 20);

        void Walk(object? value, string path)
        {
            if (value is null or string || value.GetType().IsPrimitive || value.GetType().IsEnum || !seen.Add(value))
            {
                return;
            }

            Assert.False(value is ISymbol or SyntaxNode or SyntaxTree or Compilation or Location or SyntaxReference,
                $"{path} is a {value.GetType()}");
            if (value is IEnumerable items)
            {
                foreach (var item in items)
                {
                    Walk(item, path + "[]");
                }
            }

            foreach (var field in value.GetType().GetFields(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            {
                Walk(field.GetValue(value), $"{path}.{field.Name}");
            }
        }
    }

    private static CSharpCompilation Start() =>
        TestCompilation.Create("namespace Other; public class Unrelated { public int Value => 1; }")
        .AddSyntaxTrees(TestCompilation.Parse(Architecture, "Mlp.cs"), TestCompilation.Parse(Variant, "Small.cs"),
            TestCompilation.Parse("// empty", "Other.cs"));

    private static List<GeneratorInput> Inputs(CSharpCompilation compilation) =>
    [
        .. TestCompilation.Driver().RunGenerators(
            compilation, TestContext.Current.CancellationToken).GetRunResult().Results[0]
            .TrackedSteps[TrackingNames.Input]
            .SelectMany(step => step.Outputs)
            .Select(output => output.Value)
            .OfType<GeneratorInput>()
            .OrderBy(input => input.Closure.Root.Key, StringComparer.Ordinal),
    ];

    private static (List<IncrementalStepRunReason> Specs, List<IncrementalStepRunReason> Outputs) RunAfter(
        Func<CSharpCompilation, CSharpCompilation> edit)
    {
        var compilation = Start();
        var driver = TestCompilation.Driver()
            .RunGenerators(compilation, TestContext.Current.CancellationToken)
            .RunGenerators(edit(compilation), TestContext.Current.CancellationToken);
        var run = driver.GetRunResult().Results[0];
        return (
            Reasons(driver, TrackingNames.Input),
            [.. run.TrackedOutputSteps.SelectMany(pair => pair.Value).SelectMany(step => step.Outputs).Select(output =>
                output.Reason)]);
    }

    private static List<IncrementalStepRunReason> Reasons(GeneratorDriver driver, string step) =>
    [
        .. driver.GetRunResult().Results[0].TrackedSteps[step].SelectMany(run => run.Outputs).Select(output =>
            output.Reason),
    ];

    private static CSharpCompilation Replace(CSharpCompilation compilation, string path, string text) =>
        compilation.ReplaceSyntaxTree(
        compilation.SyntaxTrees.Single(tree => tree.FilePath == path), TestCompilation.Parse(text, path));
}
