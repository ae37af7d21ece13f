using Marrow.Generators.Analysis;
using Marrow.Generators.Tests.Harness;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>Emitted code compiles whatever the user's names and texts are, or the name has an MRW error.</summary>
public class UserNames
{
    /// <summary>Keywords, names of variables and members of emitted code, and of the libraries.</summary>
    private static readonly string[] Names =
    [
        "@in", "@base", "@class", "@this", "@new", "@params", "@event", "@object",
        "field", "value", "record", "@file", "@required", "@scoped", "partial", "dynamic", "nint", "async",
        "builder", "scope", "site", "index", "_", "x", "_x", "__x", "é", "Über",
        "Math", "Saved", "Gradients", "Linear", "LinearSite", "Embedding", "Tensor", "Parameter", "System", "Marrow",
        "TorchSharp", "torch", "nn", "Console", "Lora4", "AdaptedLinear", "Emitted", "Error", "Layers", "Network",
        "Plan", "forward", "call", "BuildLayers", "Specialize", "GetTensor", "name", "GetName", "training", "state",
        "parameters", "to", "Model", "ModelPlan", "LayerBuilder", "GeneratedCode", "Attribute", "String", "T",
    ];

    /// <summary>Errors of a source whose other part is not emitted yet.</summary>
    private static readonly string[] OfMissingParts = ["CS9248", "CS1729"];

    public static TheoryData<string> Positions =>
    [
        "size",
        "parameter and layer",
        "layer",
        "embedding that is tied",
        "[Forward] method",
        "input",
        "second input",
        "table's method",
        "class",
        "nested class",
        "nested model inside a model",
        "namespace",
        "namespace around",
        "type beside",
    ];

    [Theory]
    [MemberData(nameof(Positions))]
    public async Task Name_InAnyPosition_CompilesOrHasAnError(string position)
    {
        var token = TestContext.Current.CancellationToken;
        var sources = Names
            .Select((name, i) => TestCompilation.Parse(Source(position, name, $"P{i}"), $"{i}.cs"))
            .ToList();
        var refused = Errors(TestCompilation.Create("").AddSyntaxTrees(sources).GetDiagnostics(token))
            .Where(diagnostic => !OfMissingParts.Contains(diagnostic.Id))
            .ToLookup(Number);
        Assert.True(
            refused.Count < Names.Length / 3,
            string.Join("\n", refused.SelectMany(group => group))); // what the compiler itself does not take there

        var compilation = TestCompilation.Create("").AddSyntaxTrees(
            sources.Where((_, i) => !refused.Contains($"{i}")));
        TestCompilation.Driver().RunGeneratorsAndUpdateCompilation(compilation, out var output, out _, token);
        var found = (await output.WithAnalyzers([new ModelAnalyzer()], options: null)
            .GetAnalyzerDiagnosticsAsync(token)).ToLookup(Number);
        var failures = output.GetDiagnostics(token)
            .Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error
                || (diagnostic.Severity == DiagnosticSeverity.Warning && IsEmitted(diagnostic)
                    && diagnostic.Id != "CS9179")) // a size named as a method of every model is read all the same
            .Concat(found.SelectMany(group => group))
            .Where(diagnostic => !found[Number(diagnostic)].Any(
                error => error.Id is "MRW001" or "MRW002" or "MRW003" or "MRW007"));
        Assert.Empty(failures.Select(diagnostic => $"{diagnostic}"));
    }

    private static IEnumerable<Diagnostic> Errors(IEnumerable<Diagnostic> diagnostics) =>
        diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

    private static bool IsEmitted(Diagnostic diagnostic) =>
        diagnostic.Location.GetLineSpan().Path.EndsWith(".g.cs", StringComparison.Ordinal);

    /// <summary>The name that a diagnostic is about: the number in its file's name.</summary>
    private static string Number(Diagnostic diagnostic) =>
        Path.GetFileName(diagnostic.Location.GetLineSpan().Path) is var file && IsEmitted(diagnostic)
            ? file.Split('.').First(part => part[0] == 'P' && part[1..].All(char.IsDigit))[1..]
            : Path.GetFileNameWithoutExtension(file);

    private static string Source(string position, string name, string root)
    {
        var (size, layer, embedding, method, input, second, table, type, beside) = (
            "width", "Up", "Tokens", "Network", "x", "y", "Table", "Mlp", "");
        var (space, wrap) = ($"{root}.Zoo", "$");
        switch (position)
        {
            case "parameter and layer":
                (size, layer) = (name, name);
                break;
            case "layer":
                layer = name;
                break;
            case "embedding that is tied":
                embedding = name;
                break;
            case "[Forward] method":
                method = name;
                break;
            case "input":
                input = name;
                break;
            case "second input":
                second = name;
                break;
            case "table's method":
                table = name;
                break;
            case "class":
                type = name;
                break;
            case "nested class":
                wrap = $"public partial class {name} {{ $ }}";
                break;
            case "nested model inside a model":
                wrap = $$"""
                    [Marrow.Lora(Rank = 4), Marrow.Model] public partial class Outer
                    {
                        [Marrow.Linear(64, 64)] public partial global::Marrow.Linear First { get; }
                        [Marrow.Forward]
                        private global::TorchSharp.torch.Tensor Run(global::TorchSharp.torch.Tensor x) => First.call(x);
                        $
                        [Marrow.Lora(Rank = 4)] public partial class {{name}}() : Mlp(16);
                    }
                    """;
                break;
            case "namespace":
                space = $"{root}.{name}";
                break;
            case "namespace around":
                space = $"{root}.{name}.Zoo";
                break;
            case "type beside":
                beside = $"public class {name};";
                break;
            default:
                size = name;
                break;
        }

        return $$"""
            namespace {{space}}
            {
                {{beside}}
                {{wrap.Replace("Marrow.", "global::Marrow.").Replace("global::global::", "global::").Replace("$", $$"""
                [global::Marrow.Model]
                public partial class {{type}}(int {{size}})
                {
                    [global::Marrow.Linear(nameof({{size}}), "2 * {{size}}"), global::Marrow.Lora(Rank = 4)]
                    public partial global::Marrow.Linear {{layer}} { get; }
                    [global::Marrow.Embedding(32, nameof({{size}}))]
                    public partial global::Marrow.Embedding {{embedding}} { get; }
                    [global::Marrow.Linear(nameof({{size}}), 32, Tie = nameof({{embedding}}), Bias = false)]
                    public partial global::Marrow.Linear Head { get; }
                    [global::Marrow.Buffer(4, Init = nameof({{table}}))]
                    protected partial global::TorchSharp.torch.Tensor Mask { get; }
                    [global::Marrow.Forward]
                    private global::TorchSharp.torch.Tensor {{method}}(
                        global::TorchSharp.torch.Tensor {{input}}, global::TorchSharp.torch.Tensor {{second}}) =>
                        {{input}};
                    private static global::TorchSharp.torch.Tensor {{table}}() =>
                        global::TorchSharp.torch.ones(4);
                }
                [global::Marrow.Lora(Rank = 4), global::Marrow.Quantize(Bits = 4)]
                public partial class Variant() : {{type}}(16);
                """)}}
            }
            """;
    }

    [Theory]
    [InlineData("\"a\\\"b\"")]
    [InlineData("@\"a\\b\"")]
    [InlineData("\"{{ name }}\"")]
    [InlineData("\"a // b => c ? d : e\"")]
    [InlineData("\"a, (b) [c] */\"")]
    [InlineData("\"</summary>\"")]
    [InlineData("\"ключ\\u2028\"")]
    public void TextOfANameAndOfTargets_IsQuoted(string text) => Valid("Net", $$"""
        [Model]
        [Lora(Rank = 4, Targets = {{text}} + "|*")]
        [Quantize(Bits = 4, Targets = {{text}} + "|*")]
        public partial class Net
        {
            [Name({{text}}), Linear(64, 64)] public partial Linear Up { get; }
            [Name({{text}} + "2"), Linear(64, 64), Bone(BlockSize = 8)] public partial Linear Down { get; }
            [Name({{text}} + "3"), Parameter(64)] public partial Tensor Scale { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        """);

    [Fact]
    public void ExpressionsInDocumentation_AreEscaped() => Valid("Net", """
        [Model]
        public partial class Net(int width, bool flag)
        {
            [Lora(Rank = 4), Quantize(Bits = "width < 8 && flag ? 2 : 4"), Linear("width < 8 && flag ? 8 : 16", 64)]
            public partial Linear Up { get; }
            [Quantize(Bits = "width < 8 && flag ? 2 : 4", Activations = "width < 8 ? 2 : 4"), Linear(nameof(width), 64)]
            public partial Linear Down { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        """);

    [Fact]
    public void BaseCallOnManyLines_StaysInItsComment() => Valid("Small", """
        [Model]
        public partial class Net(int width, int rank)
        {
            [Lora(Rank = nameof(rank)), Linear(nameof(width), 64)] public partial Linear Up { get; }
            [Forward] private Tensor Network(Tensor x) => x;
        }
        [Model]
        public partial class Small() : Net(
            int.Parse( // the width
                "16"),
            int.Parse(
                "4"));
        """);

    [Theory]
    [InlineData("Plan")]
    [InlineData("forward")]
    [InlineData("call")]
    [InlineData("BuildLayers")]
    [InlineData("Specialize")]
    [InlineData("GetTensor")]
    [InlineData("name")]
    [InlineData("training")]
    public async Task LayerNamedLikeAMemberOfTheBase_IsReported(string name) => Assert.Contains(
        "has the name of a member that every model has",
        (await Markup.Check($$"""
            [Model]
            public partial class Net
            {
                [Linear(4, 4)] public partial Linear {|MRW002:{{name}}|} { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            """))[0].GetMessage());

    [Theory]
    [InlineData("public const string Plan = \"free\";", "'Plan', a name that the emitted part uses")]
    [InlineData("public int Plan => 4;", "'Plan', a name that the emitted part uses")]
    [InlineData("private void BuildLayers() { }", "'BuildLayers', a name")]
    [InlineData("public override Tensor forward(Tensor x) => x;", "name it 'Network' and mark it [Forward]")]
    public async Task OwnMemberNamedLikeAnEmittedOne_IsReported(string member, string words) => Assert.Contains(
        words,
        (await Markup.Check($$"""
            [Model]
            public partial class {|MRW001:Net|}
            {
                {{member}}
                [Forward] private Tensor Network(Tensor x) => x;
            }
            """))[0].GetMessage());

    /// <summary>The class compiles, and not with throwing members.</summary>
    private static void Valid(string className, string source) =>
        Assert.DoesNotContain("__Error", EmittedText.For(className, source));
}
