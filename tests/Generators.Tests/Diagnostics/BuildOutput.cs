using Marrow.Generators.Analysis;
using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>
/// What a build shows of a class that is no possible model: Marrow's message, and of the compiler's as little as can
/// be. The compiler drops what analyzers say once a declaration is wrong.
/// </summary>
public class BuildOutput
{
    private const string Members =
        "[Linear(4, 4)] public partial Linear Up { get; } [Forward] private Tensor Network(Tensor x) => Up.call(x);";

    [Theory]
    [InlineData("[Model] public partial class Net { public Net(int a) { } $ }")]
    [InlineData("[Model] public partial class Net(int a) { public Net() : this(1) { } $ }")]
    [InlineData("[Model] public partial class Net { public Net(int a) { } public Net() { } $ }")]
    [InlineData("[Model] public partial class Net(ref int a) { $ }")]
    [InlineData("[Model] public partial class Net<T> where T : class { $ }")]
    [InlineData("public partial class Outer<T> { [Model] public partial class Net { $ } }")]
    [InlineData("public partial record struct Outer<@in> { [Model] public partial class Net { $ } }")]
    [InlineData("[Model] public partial record Net(int A) { $ }")]
    [InlineData("[Model] public partial class Net : List<int> { $ }")]
    [InlineData("public partial class Net { $ }")]
    [InlineData("[Model] public partial class Net { $ public override Tensor forward(Tensor x) => x; }")]
    [InlineData("[Model] public partial class Net { $ public Tensor forward(Tensor x) => x; }")]
    [InlineData(
        "[Model] public partial class Net { [Linear(4, 4)] public partial Linear Up { get; } "
        + "public override Tensor forward(Tensor x) => x; }")]
    [InlineData(
        "[Model] public partial class Net { [Linear(4, 4)] public partial Linear Up { get; } "
        + "public override (Tensor, Tensor) forward(Tensor x, Tensor y) => (x, y); }")]
    [InlineData(
        "[Model] public partial class Net : nn.Module<Tensor, Tensor> { public Net() : base(\"Net\") { } "
        + "[Linear(4, 4)] public partial Linear Up { get; } public override Tensor forward(Tensor x) => x; }")]
    [InlineData(
        "[Model] public partial class Mlp { $ } "
        + "public partial class Net : Mlp { [Linear(4, 4)] public partial Linear Down { get; } }")]
    public async Task ImpossibleModel_ShowsMarrowsErrorAlone(string source) =>
        Assert.Equal(["MRW001"], (await Built(source)).Select(diagnostic => diagnostic.Id));

    /// <summary>A build shows no analyzer's words here, so that the generator has to say it.</summary>
    [Theory]
    [InlineData("[Model] public class Net { $ }", "CS0751 CS9248 MRW001")]
    [InlineData("public class Outer { [Model] public partial class Net { $ } }", "CS9248 MRW001")]
    [InlineData("[Model] file partial class Net { $ }", "CS9248 MRW001")]
    [InlineData("[Model] public static partial class Net { $ }", "CS0708 CS0708 CS9248 MRW001")]
    [InlineData("[Model] public partial class Net : nn.Module<Tensor, Tensor> { $ }", "CS0534 MRW001")]
    [InlineData("[Model] public class Net { [Forward] private Tensor Network(Tensor x) => x; }", "MRW001")]
    public async Task ClassThatCannotHaveAnotherPart_ShowsMarrowsErrorToo(string source, string ids)
    {
        var found = await Built(source);
        Assert.Equal(ids, string.Join(" ", found.Select(diagnostic => diagnostic.Id)));
        var span = found[^1].Location.SourceSpan;
        Assert.Equal("Net", Source(source).Substring(span.Start, span.Length));
        Assert.Equal("Test.cs", found[^1].Location.GetLineSpan().Path);
    }

    /// <summary>Classes around and below an impossible one are not reported for it.</summary>
    [Fact]
    public async Task ModelsThatUseAnImpossibleOne_AreSilent() => Assert.Equal(
        "CS0751 CS9248 MRW001",
        string.Join(" ", (await Built("""
            [Model] public class Inner { $ }
            [Model] public partial class Net
            {
                [Block] public partial Inner Inner { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            [Model] public partial class Derived : Inner { [Linear(4, 4)] public partial Linear Down { get; } }
            """)).Select(diagnostic => diagnostic.Id)));

    /// <summary>Nothing can read the parameter, which is a warning of the compiler.</summary>
    [Theory]
    [InlineData("[Model] public partial class Net(ReadOnlySpan<int> sizes) { $ }")]
    [InlineData("[Model] public unsafe partial class Net(int* sizes) { $ }")]
    public async Task SizeThatNoFieldCanHold_ShowsMarrowsErrorToo(string source) =>
        Assert.Equal(["CS9113", "MRW001"], (await Built(source)).Select(diagnostic => diagnostic.Id));

    [Fact]
    public async Task ForwardMethodOfTheEmittedName_ShowsMarrowsErrorAlone() => Assert.Equal(
        ["MRW007"],
        (await Built("[Model] public partial class Net { [Linear(4, 4)] public partial Linear Up { get; } "
            + "[Forward] public Tensor forward(Tensor x) => Up.call(x); }")).Select(diagnostic => diagnostic.Id));

    [Theory]
    [InlineData("{ get; set; }")]
    [InlineData("{ get; init; }")]
    [InlineData("{ get; private set; }")]
    public async Task LayerWithASetter_ShowsMarrowsErrorAlone(string accessors) => Assert.Equal(
        ["MRW002"],
        (await Built($"[Model] public partial class Net {{ {Members.Replace("{ get; }", accessors)} }}"))
            .Select(diagnostic => diagnostic.Id));

    [Theory]
    [InlineData("[Model] public partial class Net { $ } [Model] public partial class Net { $ }")]
    [InlineData("[Model] public class Net { $ } [Model] public class Net { $ }")]
    [InlineData("[Model] public partial class Net(int a) { $ } [Model] public partial class Net(int a) { $ }")]
    [InlineData("[Model] public partial class Net { $ $ }")]
    [InlineData(
        "[Model] public partial class Mlp(int a) { $ } "
        + "[Lora(Rank = 2)] public partial class Net() : Mlp(4); [Lora(Rank = 2)] public partial class Net() : Mlp(4);")]
    [InlineData(
        "[Model] public partial class Mlp { $ } "
        + "[Quantize(Bits = 4)] public partial class Net : Mlp; [Quantize(Bits = 4)] public partial class Net : Mlp;")]
    public async Task WhatIsPastedTwice_ShowsTheCompilersErrorAlone(string source)
    {
        var found = await Built(source);
        Assert.NotEmpty(found);
        Assert.All(found, diagnostic =>
        {
            Assert.StartsWith("CS", diagnostic.Id);
            Assert.Equal("Test.cs", diagnostic.Location.GetLineSpan().Path);
        });
    }

    private static string Source(string source) => source.Replace("$", Members);

    /// <summary>What the compiler prints, ordered by id.</summary>
    private static async Task<IReadOnlyList<Diagnostic>> Built(string source)
    {
        var token = TestContext.Current.CancellationToken;
        TestCompilation.Driver().RunGeneratorsAndUpdateCompilation(
            TestCompilation.Create(Source(source)), out var output, out var generated, token);
        var declarations = output.GetDeclarationDiagnostics(token).Where(IsShown).ToList();
        var all = declarations.Exists(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)
            ? declarations
            : output.GetDiagnostics(token)
                .Where(IsShown)
                .Concat(await output.WithAnalyzers([new ModelAnalyzer()], options: null)
                    .GetAnalyzerDiagnosticsAsync(token));
        return [.. all.Concat(generated).OrderBy(diagnostic => diagnostic.Id, StringComparer.Ordinal)];
    }

    private static bool IsShown(Diagnostic diagnostic) =>
        diagnostic.Severity >= DiagnosticSeverity.Warning && diagnostic.Id != "CS1591";
}
