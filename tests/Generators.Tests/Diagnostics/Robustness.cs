using System.Diagnostics;
using Marrow.Generators.Analysis;
using Marrow.Generators.Declarations;
using Marrow.Generators.Methods;
using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>Values and classes that once made the generator fail, hang, or emit what does not compile.</summary>
public class Robustness
{
    private const string Mlp = """
        [Model]
        public partial class Mlp(int width, int hidden)
        {
            [Linear(nameof(width), nameof(hidden))] public partial Linear Up { get; }
            [Linear(nameof(hidden), nameof(width))] public partial Linear Down { get; }
            [Forward] private Tensor Network(Tensor x) => Down.call(gelu(Up.call(x)));
        }

        """;

    private static string Variant(string attribute, string baseCall = "Mlp(64, 256)") =>
        $"{Mlp}[{attribute}] public partial class Small() : {baseCall};";

    private static string Layer(string attributes, string type = "Linear") => $$"""
        [Model]
        public partial class Net(int width, double rate, string name)
        {
            public const string Text = "some text";
            [{{attributes}}] public partial {{type}} Layer { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        """;

    [Theory]
    [InlineData("Bone({|MRW101:BlockSize = 0|})", "not positive")]
    [InlineData("Bone({|MRW101:BlockSize = -8|})", "not positive")]
    [InlineData("Bone({|MRW101:BlockSize = 2.5|})", "an integer is expected")]
    [InlineData("Bone({|MRW101:BlockSize = true|})", "an integer is expected")]
    [InlineData("Bone({|MRW003:BlockSize = null|})", "it is no size")]
    [InlineData("Bone({|MRW003:BlockSize = typeof(int)|})", "it is no size")]
    [InlineData("Bone(Form = BoneForm.Mini, BlockSize = 8, {|MRW101:MiniRank = 0|})", "not positive")]
    [InlineData("Bone(BlockSize = 8, {|MRW205:Form = (BoneForm)17|})", "is no BoneForm")]
    [InlineData("Lora({|MRW102:Rank = true|})", "an integer is expected")]
    [InlineData("Lora({|MRW102:Rank = 0|})", "not in 1 to 64")]
    [InlineData("Lora({|MRW205:Alpha = true|})", "a number is expected")]
    [InlineData("Lora({|MRW205:Alpha = -1|})", "not positive")]
    [InlineData("Lora({|MRW205:Alpha = double.NaN|})", "not finite")]
    [InlineData("Lora({|MRW205:LearningRateRatio = double.NaN|})", "not positive")]
    [InlineData("Quantize({|MRW201:Bits = 2.5|})", "an integer is expected")]
    [InlineData("Quantize({|MRW201:Bits = false|})", "an integer is expected")]
    [InlineData("Quantize({|MRW201:Bits = \"100000 * 100000\"|})", "is not in 2 to 8")]
    [InlineData("Lora({|MRW205:Alpha = \"1 - 1\"|})", "not positive")]
    [InlineData("Quantize(Bits = 2, {|MRW201:Activations = 1.5|})", "an integer is expected")]
    [InlineData("Quantize(Bits = 2, {|MRW205:Oscillation = (Oscillation)9|})", "is no Oscillation")]
    public async Task OptionOfAnotherKindOrRange_IsReportedOnIt(string attribute, string words) =>
        Assert.Contains(words, (await Markup.Check(Variant(attribute)))[0].GetMessage());

    [Theory]
    [InlineData("Linear(4, 4, {|MRW003:Bias = 5|})", "true or false is expected")]
    [InlineData("Linear({|MRW003:nameof(rate)|}, 4)", "an integer is expected")]
    [InlineData("Linear({|MRW003:nameof(name)|}, 4)", "an integer is expected")]
    [InlineData("Linear({|MRW003:nameof(Text)|}, 4)", "an integer is expected")]
    [InlineData("Linear({|MRW003:\"width / 0\"|}, 4)", "divides by zero")]
    [InlineData("Linear({|MRW003:\"width < true\"|}, 4)", "types that it is not defined for")]
    [InlineData("Lora(Rank = 2, {|MRW205:Alpha = nameof(Text)|}), Linear(64, 64)", "a number is expected")]
    [InlineData("Lora({|MRW102:Rank = nameof(rate)|}), Linear(64, 64)", "an integer is expected")]
    public async Task ExpressionOfAnotherKind_IsReportedOnIt(string attributes, string words) =>
        Assert.Contains(words, (await Markup.Check(Layer(attributes)))[0].GetMessage());

    [Theory]
    [InlineData("Dropout({|MRW106:1.5|})", "Dropout", "in 0 to 1")]
    [InlineData("Dropout({|MRW003:double.NaN|})", "Dropout", "not finite")]
    [InlineData("RmsNorm(8, {|MRW106:Eps = -1|})", "RmsNorm", "must not be negative")]
    [InlineData("LayerNorm(8, {|MRW003:Eps = double.PositiveInfinity|})", "LayerNorm", "not finite")]
    [InlineData("Conv2d(8, 8, 3, {|MRW106:Padding = -1|})", "Conv2d", "must not be negative")]
    [InlineData("Conv2d(8, 6, 3, {|MRW106:Groups = 4|})", "Conv2d", "does not divide")]
    [InlineData("Attention(8, 2, Window = 4, {|MRW106:Shift = 4|})", "Attention", "not smaller than its window")]
    [InlineData("Parameter(4, {|MRW106:Init = (ParameterInit)15|})", "Tensor", "is no ParameterInit")]
    [InlineData("Parameter(4, Init = ParameterInit.Normal, {|MRW106:Std = -0.1|})", "Tensor",
        "must not be negative")]
    [InlineData("Embedding(8, 4, {|MRW106:PaddingIndex = 8|})", "Embedding", "is none of its 8 ids")]
    [InlineData("GroupNorm({|MRW106:3|}, 8)", "TorchSharp.Modules.GroupNorm", "does not divide its channels 8")]
    [InlineData("ConvTranspose2d(8, 8, 3, Stride = 2, {|MRW106:OutputPadding = 2|})",
        "TorchSharp.Modules.ConvTranspose2d", "smaller than its stride")]
    [InlineData("MaxPool2d(3, {|MRW106:Padding = 2|})", "TorchSharp.Modules.MaxPool2d", "half its kernel 3")]
    [InlineData("Lstm(8, 8, {|MRW106:Dropout = 1.5|})", "TorchSharp.Modules.LSTM", "it must be in 0 to 1")]
    public async Task MRW106_LayerOptionOutOfRange_IsReportedOnIt(string attribute, string type, string words) =>
        Assert.Contains(words, (await Markup.Check(Layer(attribute, type)))[0].GetMessage());

    [Theory]
    [InlineData("Dropout(0)", "Dropout")]
    [InlineData("RmsNorm(8, Eps = 0)", "RmsNorm")]
    [InlineData("Conv2d(8, 8, 3, Padding = 1, Groups = 4)", "Conv2d")]
    public Task MRW106_LayerOptionInRange_IsSilent(string attribute, string type) =>
        Markup.Check(Layer(attribute, type));

    /// <summary>The compiler refuses a repeated option (CS0643), but hands both on.</summary>
    [Theory]
    [InlineData("Bone(BlockSize = 8, {|MRW205:BlockSize = 16|})")]
    [InlineData("Quantize(Bits = 2, {|MRW205:Bits = 4|})")]
    public async Task RepeatedOption_IsReportedOnTheSecond(string attribute) =>
        Assert.Contains("is given 2 times", (await Markup.Check(Variant(attribute)))[0].GetMessage());

    [Fact]
    public async Task MRW107_MoreParametersThanCanBeCounted_AreReported()
    {
        var diagnostics = await Markup.Check(
            Layer("Linear({|MRW107:9223372036854775807|}, 9223372036854775807), Bone(Form = BoneForm.Free)"));
        Assert.Contains("more than 2^59 parameters", diagnostics[0].GetMessage());
    }

    [Fact]
    public async Task MRW107_ManyCopies_AreReported() => Assert.Contains(
        "more than 2^59 parameters",
        (await Markup.Check(Mlp + """
            [Model] public partial class Net
            {
                [Block(1000000000, 1000000000, Count = 2000000000)] public partial ModuleList<Mlp> Layers { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            """.Replace("[Block", "[{|MRW107:Block|}")))[0].GetMessage());

    /// <summary>Zero bits of activations are none; they once kept the rule from counting.</summary>
    [Fact]
    public Task MRW107_ManyCopiesInAQuantizedVariant_AreReported() => Markup.Check(Mlp + """
        [Model] public partial class Net(int width)
        {
            [{|MRW107:Block|}(8, 8, Count = long.MaxValue)] public partial ModuleList<Mlp> Layers { get; }
            [Linear(nameof(width), 64)] public partial Linear Up { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        [Quantize(Bits = 8)] public partial class {|MRW107:Variant|}() : Net(48);
        """);

    [Fact]
    public Task MRW107_LargeModel_IsSilent() =>
        Markup.Check(Mlp + "[Model] public partial class Large() : Mlp(1000000, 1000000000);");

    [Theory]
    [InlineData("Bone({|MRW101:BlockSize = 48|})")]
    [InlineData("Bone(Form = BoneForm.Mini, BlockSize = 8, {|MRW101:MiniRank = 48|})")]
    public async Task PrimeSizeNear2To63_IsAnsweredAtOnce(string attribute)
    {
        var watch = Stopwatch.StartNew();
        await Markup.Check(Layer($"Linear(9223372036854775783, 9223372036854775783), {attribute}"
            .Replace("Linear(9223372036854775783", "Linear({|MRW107:9223372036854775783|}")));
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    [Fact]
    public async Task DeepCopiesThatDiffer_ArePlannedAtOnce()
    {
        var watch = Stopwatch.StartNew();
        await Markup.Check("""
            [Model] public partial class A(int i)
            {
                [Linear("i + 1", 8)] public partial Linear Up { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            [Model] public partial class B(int i)
            {
                [Block("100 * i + index", Count = 100)] public partial ModuleList<A> As { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            [Model] public partial class C(int i)
            {
                [Block("100 * i + index", Count = 100)] public partial ModuleList<B> Bs { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            [Lora(Rank = 1, Targets = "*.50.*")] public partial class D() : E(1);
            [Model] public partial class E(int i)
            {
                [Block("100 * i + index", Count = 100)] public partial ModuleList<C> Cs { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            """);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    /// <summary>Two quantizers of one shape: only the one that meets an adapter is wrong.</summary>
    [Fact]
    public Task QuantizerBesideAnAdaptedOne_IsNoFalseAlarm() => Markup.Check("""
        [Model]
        public partial class Net
        {
            [Bone(BlockSize = 8), Quantize(Bits = 4, Activations = 0), Linear(64, 64)] public partial Linear Up { get; }
            [Quantize(Bits = 4, Activations = 8), Linear(64, 64)] public partial Linear Down { get; }
            [Forward] private Tensor Network(Tensor x) => Down.call(Up.call(x));
        }
        """);

    [Fact]
    public async Task MRW009_OneCheckpointNameTwice_IsReportedOnTheName() => Assert.Contains(
        "'Up' and 'Down' of 'Net' have one checkpoint name, 'proj'",
        (await Markup.Check("""
            [Model]
            public partial class Net
            {
                [Name("proj"), Linear(4, 4)] public partial Linear Up { get; }
                [Name({|MRW009:"proj"|}), Linear(4, 4)] public partial Linear Down { get; }
                [Forward] private Tensor Network(Tensor x) => Down.call(Up.call(x));
            }
            """))[0].GetMessage());

    [Theory]
    [InlineData("Name({|MRW009:\"\"|}), Linear(4, 4)")]
    [InlineData("Name({|MRW009:\"a..b\"|}), Linear(4, 4)")]
    public Task MRW009_NameWithAnEmptyPart_IsReported(string attributes) => Markup.Check(Layer(attributes));

    [Fact]
    public Task MRW009_DifferentNames_AreSilent() => Markup.Check(Layer("Name(\"a.b\"), Linear(4, 4)"));

    [Fact]
    public void ClassesThatDifferOnlyInCase_HaveFilesOfTheirOwn() => Files(
        Mlp + "[Bone(BlockSize = 8)] public partial class Small() : Mlp(64, 64); "
            + "[Lora] public partial class small() : Mlp(64, 64);",
        files: 5);

    [Fact]
    public void ClassThatIsPastedTwice_IsEmittedOnce() => Files(
        Mlp + "[Lora] public partial class Small() : Mlp(64, 64); [Lora] public partial class Small() : Mlp(64, 64);",
            files: 2);

    /// <summary>'e' is a letter of the text that the base call makes, but the parameter is read by nobody.</summary>
    [Fact]
    public Task ParameterNamedByOneLetter_IsReadWhereItIsNamed() => Markup.Check(
        Mlp + "[Bone(BlockSize = 8)] public partial class Sweep(int e) : Mlp(int.Parse(\"64\"), 64);");

    [Fact]
    public void ParameterNamedByOneLetter_LeavesNoWarning() => EmittedText.For(
        "Sweep", Mlp + "[Bone(BlockSize = 8)] public partial class Sweep(int e) : Mlp(int.Parse(\"64\"), 64);");

    /// <summary>Names of a user's own that emitted code must not take for the libraries'.</summary>
    [Fact]
    public void NamesOfTheLibraries_MayBeTheUsersOwn() => EmittedText.For("Mine.Small", """
        namespace Mine
        {
            public class Tensor; public class Math; public class Console; public class Device; public class Saved;
                public class Gradients;
            public class Lsq; public class Shards; public class String; public class LayerBuilder;
                public class QuantizerSettings;

            [Marrow.Model]
            public partial class Mlp(int width, int hidden)
            {
                [Linear(nameof(width), nameof(hidden))] public partial Marrow.Linear Linear { get; }
                [Linear(nameof(hidden), nameof(width))] public partial Marrow.Linear Math { get; }
                [Forward] private TorchSharp.torch.Tensor Tensor(TorchSharp.torch.Tensor x) =>
                    Math.call(Linear.call(x));
            }

            [Lora(Rank = 4, Targets = "linear")]
            [Quantize(Bits = 2, Activations = 2, Targets = "math")]
            public partial class Small() : Mlp(16, 32);
        }
        """);

    /// <summary>Shapes, ranks and bits stand in documentation comments, as they were written.</summary>
    [Fact]
    public void ComparisonsInExpressions_AreEscapedInDocumentation() => EmittedText.For("Net", """
        [Model]
        public partial class Net(int width, bool flag)
        {
            [Lora(Rank = "width < 3 && flag ? 2 : 4"), Linear("width < 3 && flag ? 8 : 16", 8)]
            public partial Linear Up { get; }
            [Quantize(Bits = "width < 3 ? 2 : 4", Activations = "width < 3 ? 2 : 4"), Linear(8, 8)]
            public partial Linear Down { get; }
            [Forward] private Tensor Network(Tensor x) => Down.call(Up.call(x));
        }
        """);

    /// <summary>Shapes stand in comments, whose lines must not break where a size was broken.</summary>
    [Fact]
    public void SizesOfSeveralLines_AreWordsOfOne()
    {
        EmittedText.For("Small", Mlp + """
            [Lora] public partial class Small() : Mlp(int.Parse(
                "64"), /* hidden */ int.Parse( // features
                "256"));
            """);
        EmittedText.For("Small", Layer("Attention(\"a\\nb\", nameof(width))", "Attention")
            + "[Lora] public partial class Small() : Net(64, 0.5, \"x\");");
    }

    [Fact]
    public void NamesThatAreKeywords_AreEscaped() => EmittedText.For("class.Outer.event", """
        namespace @class
        {
            [Model]
            public partial class Mlp(int @int, int @new)
            {
                [Linear("@int", nameof(@new))] public partial Linear @in { get; }
                [Embedding(nameof(@new), nameof(@int))] public partial Embedding @base { get; }
                [Linear(nameof(@int), nameof(@new), Tie = nameof(@base), Bias = false)]
                public partial Linear @out { get; }
                [Buffer(4, Init = nameof(@static))] public partial Tensor @object { get; }
                [Forward] private Tensor @return(Tensor @this) => @in.call(@this);
                private static Tensor @static() => ones(4);
            }

            public partial class Outer
            {
                [Lora(Rank = 4)] public partial class @event(int @if) : Mlp(16, @if);
            }
        }
        """);

    [Fact]
    public async Task MRW008_FailureWhileReading_StaysWithItsClass()
    {
        var methods = MethodTable.All with
        {
            Adapters = [.. MethodTable.All.Adapters.Where(method => method.Attribute != "Dora"), new Failing()],
        };
        await CheckFailure(methods);
    }

    [Fact]
    public async Task MRW008_FailureWhileEmitting_StaysWithItsClass()
    {
        var methods = MethodTable.All with
        {
            Rules = [check => check.Type.Name == "Bad" ? throw new InvalidOperationException("out of luck") : []],
        };
        await CheckFailure(methods);
    }

    /// <summary>One class fails: it keeps throwing members and has one diagnostic; the other is emitted.</summary>
    private static async Task CheckFailure(MethodTable methods)
    {
        var token = TestContext.Current.CancellationToken;
        var source = Mlp + "[Dora(Rank = 4)] public partial class Bad() : Mlp(64, 64); "
            + "[Bone(BlockSize = 8)] public partial class Good() : Mlp(64, 64);";
        TestCompilation.Driver(methods).RunGeneratorsAndUpdateCompilation(
            TestCompilation.Create(source), out var output, out var problems, token);
        Assert.Empty(problems);
        Assert.Empty(output.GetDiagnostics(token).Where(diagnostic =>
            diagnostic.Severity >= DiagnosticSeverity.Warning && diagnostic.Id != "CS1591"));
        var files = output.SyntaxTrees.ToDictionary(tree => Path.GetFileName(tree.FilePath), tree => tree.ToString());
        Assert.Contains("MRW008", files["Bad.g.cs"]);
        Assert.Contains("class BoneRow8", files["Good.Layers.g.cs"]);

        var found = await output.WithAnalyzers(
            [new ModelAnalyzer(methods)], options: null).GetAnalyzerDiagnosticsAsync(token);
        var only = Assert.Single(found);
        Assert.Equal("MRW008", only.Id);
        Assert.Equal("Bad", source.Substring(only.Location.SourceSpan.Start, only.Location.SourceSpan.Length));
        Assert.Contains("out of luck", only.GetMessage());
    }

    private static void Files(string source, int files)
    {
        var result = TestCompilation.Driver()
            .RunGenerators(TestCompilation.Create(source), TestContext.Current.CancellationToken)
            .GetRunResult().Results[0];
        Assert.Null(result.Exception);
        Assert.Equal(
            files,
            result.GeneratedSources.Select(file => file.HintName.ToUpperInvariant()).Distinct().Count());
    }

    /// <summary>A method whose reader fails.</summary>
    private sealed class Failing : AdapterMethod
    {
        public override string Attribute => "Dora";

        public override AdapterSpec Read(OptionReader options, ISymbol carrier) =>
            throw new InvalidOperationException("out of luck");
    }
}
