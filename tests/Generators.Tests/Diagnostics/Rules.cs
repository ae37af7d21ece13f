using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>Each diagnostic with its exact span and words, and beside it the nearest code that is right.</summary>
public class Rules
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

    private static string Body(string members) => $$"""
        [Model]
        public partial class Net(int width)
        {
            {{members}}
            [Forward] private Tensor Network(Tensor x) => x * width;
        }
        """;

    [Theory]
    [InlineData("[Model] public class {|MRW001:Net|} { [Forward] private Tensor Network(Tensor x) => x; }",
        "is not partial")]
    [InlineData("[Model] public partial class {|MRW001:Net|}<T> { [Forward] private Tensor Network(Tensor x) => x; }",
        "is generic")]
    [InlineData("[Model] file partial class {|MRW001:Net|} { [Forward] private Tensor Network(Tensor x) => x; }",
        "file-local")]
    [InlineData(
        "[Model] public partial record {|MRW001:Net|} { [Forward] private Tensor Network(Tensor x) => x; }",
        "is a record")]
    [InlineData(
        "public class Outer { [Model] public partial class {|MRW001:Net|} "
        + "{ [Forward] private Tensor Network(Tensor x) => x; } }",
        "'Outer', which is not partial")]
    [InlineData(
        "[Model] public partial class {|MRW001:Net|} : List<int> { [Forward] private Tensor Network(Tensor x) => x; }",
        "derives from 'List'")]
    [InlineData(
        "[Model] public partial class {|MRW001:Net|}(int a) { public Net() : this(a: 1) { } "
        + "[Forward] private Tensor Network(Tensor x) => x * a; }",
        "2 constructors")]
    [InlineData(
        "[Model] public partial class {|MRW001:Net|} { public Net(int a) { } "
        + "[Forward] private Tensor Network(Tensor x) => x; }",
        "primary-constructor")]
    public async Task MRW001_WrongClass_IsReportedOnItsName(string source, string words) =>
        Assert.Contains(words, (await Markup.Check(source))[0].GetMessage());

    [Theory]
    [InlineData("[Model] public partial class Net { [Forward] private Tensor Network(Tensor x) => x; }")]
    [InlineData(
        "public partial class Outer { [Model] public partial class Net "
        + "{ [Forward] private Tensor Network(Tensor x) => x; } }")]
    [InlineData(
        "[Model] public partial class Net() { [Forward] private Tensor Network(Tensor x, Tensor y) => x + y; }")]
    public Task MRW001_RightClass_IsSilent(string source) => Markup.Check(source);

    [Theory]
    [InlineData("[Linear(4, 4)] private partial Linear {|MRW002:Up|} { get; }", "public or protected")]
    [InlineData("[Linear(4, 4)] public partial Linear {|MRW002:Up|} { get; set; }", "get-only")]
    [InlineData("[Linear(4, 4)] public Linear {|MRW002:Up|} => null!;", "partial")]
    [InlineData("[Linear(4, 4)] public virtual partial Linear {|MRW002:Up|} { get; }", "virtual")]
    [InlineData("[Linear(4, 4)] public static partial Linear {|MRW002:Up|} { get; }", "static")]
    [InlineData("[Linear(4, 4)] public partial Embedding {|MRW002:Up|} { get; }", "of type Linear")]
    [InlineData("[Parameter(4)] public partial Linear {|MRW002:Scale|} { get; }", "of type Tensor")]
    [InlineData("[Bone, Embedding(4, 4)] public partial Embedding {|MRW002:Up|} { get; }", "only a linear layer")]
    [InlineData("[Recompute, Linear(4, 4)] public partial Linear {|MRW002:Up|} { get; }", "only a block")]
    [InlineData("[Linear(4, 4), Dropout(0.1)] public partial Linear {|MRW002:Up|} { get; }", "two layer attributes")]
    public async Task MRW002_WrongProperty_IsReportedOnItsName(string member, string words) =>
        Assert.Contains(words, (await Markup.Check(Body(member)))[0].GetMessage());

    [Theory]
    [InlineData("[Linear({|MRW003:\"widht\"|}, 4)] public partial Linear Up { get; }", "did you mean 'width'?")]
    [InlineData("[Linear(4, {|MRW003:\"4 *\"|})] public partial Linear Up { get; }", "no C# expression")]
    [InlineData("[Linear(4, {|MRW003:\"width.Length\"|})] public partial Linear Up { get; }",
        "'Length' is no public property or constant of Int32")]
    [InlineData("[Linear({|MRW003:\"8 / 0\"|}, 4)] public partial Linear Up { get; }", "divides by zero")]
    [InlineData("[Linear({|MRW003:2.5|}, 4)] public partial Linear Up { get; }", "integer")]
    [InlineData("[Linear(4, 4, {|MRW003:Bias = \"has\"|})] public partial Linear Up { get; }",
        "'has' is no constructor parameter")]
    [InlineData("[Parameter(1, {|MRW003:\"wide\"|})] public partial Tensor Scale { get; }", "'wide'")]
    [InlineData("[Linear(4, 4, {|MRW003:Tie = \"Tokens\"|})] public partial Linear Up { get; }",
        "no embedding property")]
    [InlineData("[Buffer(4, {|MRW003:Init = \"Table\"|})] public partial Tensor Mask { get; }",
        "no method without arguments")]
    [InlineData("[Bone({|MRW003:BlockSize = \"block\"|}), Linear(4, 4)] public partial Linear Up { get; }", "'block'")]
    [InlineData("[{|MRW003:Block|}(4)] public partial Mlp Inner { get; }", "takes (int width, int hidden)")]
    public async Task MRW003_WrongExpression_IsReportedOnTheArgument(string member, string words) =>
        Assert.Contains(words, (await Markup.Check(Mlp + Body(member)))[0].GetMessage());

    [Theory]
    [InlineData("[Linear(nameof(width), \"4 * width\")] public partial Linear Up { get; }")]
    [InlineData("public const int Inner = 8; [Linear(nameof(width), nameof(Inner))] public partial Linear Up { get; }")]
    [InlineData("[Linear(4, \"width > 8 ? width / 2 : 4\")] public partial Linear Up { get; }")]
    public Task MRW003_RightExpression_IsSilent(string member) => Markup.Check(Body(member));

    [Fact]
    public async Task MRW004_SizeNotPositive_IsReportedOnTheArgument() => Assert.Contains(
        "Output features of layer 'up' is 0",
        (await Markup.Check(Body("[Linear(4, {|MRW004:0|})] public partial Linear Up { get; }")))[0].GetMessage());

    [Fact]
    public async Task MRW004_SizeOfAVariant_IsReportedOnTheBaseCallArgument() => Assert.Contains(
        "layer 'up' is -8; it must be positive; and 1 more layer",
        (await Markup.Check(Mlp
            + "[Model] public partial class Small() : Mlp(64, {|MRW004:hidden: -8|});"))[0].GetMessage());

    [Fact]
    public Task MRW004_SizeThroughANestedBlock_IsReportedOnTheBaseCallArgument() => Markup.Check(Mlp + """
        [Model]
        public partial class Net(int width)
        {
            [Block(nameof(width), "width - 8")] public partial Mlp Inner { get; }
            [Forward] private Tensor Network(Tensor x) => Inner.call(x);
        }
        [Model] public partial class Small() : Net({|MRW004:8|});
        """);

    [Fact]
    public Task Errors_OfTheSecondOfTwoAttributes_AreReportedThere() => Markup.Check(
        Mlp + """
            [Lora(Rank = 1, Targets = "up"), Lora({|MRW102:Rank = 0|}, Targets = "down")]
            public partial class Two() : Mlp(4, 8);
            """);

    [Fact]
    public Task MRW004_Count_IsReportedOnTheArgument() => Markup.Check(
        Mlp + Body("[Block(4, 4, {|MRW004:Count = -1|})] public partial ModuleList<Mlp> Inner { get; }"));

    [Theory]
    [InlineData("[Replace(typeof(Mlp), {|MRW012:typeof(Other)|})]", "'Other' does not derive from 'Mlp'")]
    [InlineData(
        "[Replace(typeof(Mlp), {|MRW012:typeof(Wider)|})]", "takes (int width, int hidden, int more), but 'Mlp'")]
    [InlineData("[Replace({|MRW012:typeof(Other)|}, typeof(Third))]", "no block of it is a Other")]
    [InlineData("[Replace(typeof(Mlp), typeof(Same)), Replace(typeof(Other), {|MRW012:typeof(Mlp)|})]", "not derive")]
    public async Task MRW012_ReplacementThatDoesNotFit_IsReportedOnIt(string attribute, string words) =>
        Assert.Contains(
        words,
        (await Markup.Check(
            Mlp + $$"""
            [Model] public partial class Holder
            {
                [Block(4, 8)] public partial Mlp Inner { get; }
                [Forward] private Tensor Network(Tensor x) => Inner.call(x);
            }
            [Model] public partial class Other
            {
                [Linear(2, 2)] public partial Linear Up { get; }
                [Forward] private Tensor Network(Tensor x) => Up.call(x);
            }
            [Model] public partial class Third : Other;
            [Model] public partial class Same(int width, int hidden) : Mlp(width, hidden);
            [Model] public partial class Wider(int width, int hidden, int more) : Mlp(width, hidden + more);
            {{attribute}}
            public partial class Replaced : Holder;
            """))[0].GetMessage());

    [Fact]
    public async Task MRW005_CircularBlocks_AreReportedOnEachBlock() => Assert.Contains(
        "A → B → A",
        (await Markup.Check("""
            [Model] public partial class A
            {
                [{|MRW005:Block|}] public partial B Inner { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            [Model] public partial class B
            {
                [{|MRW005:Block|}] public partial A Inner { get; }
                [Forward] private Tensor Network(Tensor x) => x;
            }
            """))[0].GetMessage());

    [Fact]
    public async Task MRW006_AdapterOnNoModel_IsReportedOnTheAttribute() => Assert.Contains(
        "derives from no model", (await Markup.Check("[{|MRW006:Bone|}] public partial class Plain;"))[0].GetMessage());

    [Fact]
    public async Task MRW006_AdapterTwiceAlongALine_IsReportedOnTheSecond() => Assert.Contains(
        "already carries [Bone]",
        (await Markup.Check(Mlp + """
            [Bone(BlockSize = 16)] public partial class A() : Mlp(64, 256);
            [{|MRW006:Lora|}] public partial class B() : A;
            """))[0].GetMessage());

    [Theory]
    [InlineData("[Model] public partial class {|MRW007:Net|};", "has no [Forward] method")]
    [InlineData(
        "[Model] public partial class Net { [Forward] private Tensor One(Tensor x) => x; "
        + "[Forward] private Tensor {|MRW007:Two|}(Tensor x) => x; }",
        "second")]
    [InlineData(
        "[Model] public partial class Net { [Forward] private Tensor {|MRW007:forward|}(Tensor x, int y) => x; }",
        "must not be named 'forward'")]
    [InlineData(
        "[Model] public partial class Net { [Forward] private static Tensor {|MRW007:Network|}(Tensor x) => x; }",
        "static")]
    [InlineData(
        "[Model] public partial class Net { [Forward] private void {|MRW007:Network|}(Tensor x) { } }",
        "returns nothing")]
    [InlineData("[Model] public partial class Net { [Forward] private Tensor {|MRW007:Network|}() => null!; }",
        "0 arguments")]
    [InlineData("[Model] public partial class Net { [Forward] private Tensor {|MRW007:Network|}<T>(T x) => null!; }",
        "generic")]
    [InlineData("[Model] public partial class Net { [Forward] private Tensor {|MRW007:Network|}(ref Tensor x) => x; }",
        "by reference")]
    public async Task MRW007_WrongForward_IsReported(string source, string words) =>
        Assert.Contains(words, (await Markup.Check(source))[0].GetMessage());

    [Fact]
    public async Task MRW101_BlockSizeThatDoesNotDivide_IsReportedOnTheArgumentWithTheNearest()
    {
        var message = (await Markup.Check(
            Mlp + "[Bone({|MRW101:BlockSize = 48|})] public partial class Small() : Mlp(64, 256);"))[0].GetMessage();
        Assert.Equal(
            "[Bone] BlockSize 48 does not divide the 64 input features of layer 'up'; "
            + "nearest sizes that divide both: 32 and 64; and 1 more layer",
            message);
    }

    [Fact]
    public Task MRW101_DefaultBlockSize_IsReportedOnTheAttribute() =>
        Markup.Check(Mlp + "[{|MRW101:Bone|}] public partial class Small() : Mlp(48, 96);");

    [Fact]
    public Task MRW101_NotPositive_IsReported() => Markup.Check(
        Mlp + "[Bone({|MRW101:BlockSize = 0|}, Form = BoneForm.Free)] public partial class Small() : Mlp(48, 96);");

    [Fact]
    public Task MRW101_MiniRank_IsReportedOnItsArgument() => Markup.Check(
        Mlp + "[Bone(Form = BoneForm.Mini, BlockSize = 8, {|MRW101:MiniRank = 7|})] "
            + "public partial class Small() : Mlp(64, 256);");

    [Fact]
    public Task MRW101_FreeForm_Pads() => Markup.Check(
        Mlp + "[Bone(BlockSize = 48, Form = BoneForm.Free)] public partial class Small() : Mlp(256, 512);");

    [Fact]
    public Task MRW101_OnAPropertyOfABlock_IsReportedOnTheBaseCallArgument() => Markup.Check("""
        [Model]
        public partial class Net(int width)
        {
            [Bone(BlockSize = 16), Linear(nameof(width), 64)] public partial Linear Up { get; }
            [Forward] private Tensor Network(Tensor x) => Up.call(x);
        }
        [Model] public partial class Right() : Net(64);
        [Model] public partial class Wrong() : Net({|MRW101:40|});
        """);

    [Theory]
    [InlineData(": Mlp(hidden: 250, width: 64)")]
    [InlineData(": Mlp(Sizes.Width, 250)")]
    [InlineData(": Mlp(2 * 32, 500 / 2)")]
    public Task MRW101_NamedReorderedAndConstantArguments_AreRead(string baseCall) => Markup.Check(Mlp + $$"""
        public static class Sizes { public const int Width = 64; }
        [Bone({|MRW101:BlockSize = 16|})] public partial class Small() {{baseCall}};
        """);

    [Fact]
    public Task MRW101_VariantOfAVariant_IsReportedWithItsOwnSizes() => Markup.Check(Mlp + """
        [Model] public partial class Doubled(int hidden) : Mlp(hidden, 2 * hidden);
        [Bone({|MRW101:BlockSize = 16|})] public partial class Small() : Doubled(24);
        [Bone(BlockSize = 8)] public partial class Right() : Doubled(24);
        """);

    [Fact]
    public Task MRW101_ArchitectureOfAnotherAssembly_IsRead()
    {
        var library = TestCompilation.Compile(Mlp
            + "[Model] public partial class Doubled(int hidden, int width = 24) : Mlp(width, 2 * hidden);", "Library");
        return Markup.Check("""
            [Bone({|MRW101:BlockSize = 16|})] public partial class Small() : Doubled(64);
            [Bone(BlockSize = 8)] public partial class Right() : Doubled(64);
            """, library);
    }

    [Fact]
    public Task MRW101_ConfigurationThatAnotherAssemblyWritesOut_IsRead()
    {
        var library = TestCompilation.Compile(
            """
            public enum Kind { Small, Large }

            public sealed record NetSizes(int Width, int[] Depths, Kind Kind = Kind.Small, int? More = null)
            {
                public int? Inner { get; init; }
            }

            [Model] public partial class Net(NetSizes sizes)
            {
                [Linear("sizes.Width", "sizes.Kind == Kind.Large ? sizes.Depths[1] : 7")]
                public partial Linear Up { get; }

                [Linear("sizes.Depths[1]", "sizes.More ?? sizes.Inner ?? 7")] public partial Linear Down { get; }

                [Forward] private Tensor Network(Tensor x) => Down.call(Up.call(x));
            }

            [Model] public partial class Doubled(int width)
                : Net(new NetSizes(width, [4, 24], Kind: Kind.Large) { Inner = 2 * width });

            [Model] public partial class Targeted(int width) : Net(new(width, new[] { 4, 24 }, Kind.Large, More: 8));
            """,
            "Library");
        return Markup.Check(
            """
            [Bone({|MRW101:BlockSize = 16|})] public partial class Small() : Doubled(16);
            [Bone(BlockSize = 8)] public partial class Right() : Doubled(16);
            [Bone({|MRW101:BlockSize = 16|})] public partial class Less() : Targeted(16);
            [Bone(BlockSize = 8)] public partial class Good() : Targeted(16);
            """,
            library);
    }

    [Fact]
    public async Task MRW102_RankAboveTheSmallerSize_IsReportedOnTheArgument() => Assert.Contains(
        "Rank 65 at layer 'up' is not in 1 to 64",
        (await Markup.Check(Mlp
            + "[Lora({|MRW102:Rank = 65|})] public partial class Small() : Mlp(64, 256);"))[0].GetMessage());

    [Fact]
    public async Task MRW102_RankOfLoraGa_IsHalfOfThat() => Assert.Contains(
        "Rank 33 at layer 'up' is not in 1 to 32, half the smaller",
        (await Markup.Check(Mlp + "[Lora({|MRW102:Rank = 33|}, Init = LoraInit.LoraGa)] "
            + "public partial class Small() : Mlp(64, 256);"))[0].GetMessage());

    [Fact]
    public async Task MRW103_TwoAdaptersOnAProperty_AreReportedOnTheSecond()
    {
        var diagnostics = await Markup.Check(Body(
            "[Bone(BlockSize = 8), {|MRW103:Lora|}, Linear(64, 64)] public partial Linear Up { get; }"));
        Assert.Contains("both [Bone] and [Lora]", diagnostics[0].GetMessage());
    }

    [Fact]
    public Task MRW103_OverlappingTargets_AreReported() => Markup.Check(
        Mlp + "[Bone(BlockSize = 8), {|MRW103:Lora|}(Targets = \"up\")] public partial class Small() : Mlp(64, 256);");

    [Fact]
    public Task MRW103_DisjointTargets_AreSilent() => Markup.Check(
        Mlp + "[Bone(BlockSize = 8, Targets = \"down\"), Lora(Targets = \"up\")] "
            + "public partial class Small() : Mlp(64, 256);");

    [Fact]
    public Task MRW103_PropertyBesideClass_TheLayersOwnWins() => Markup.Check("""
        [Model, Bone(BlockSize = 8)]
        public partial class Net
        {
            [Lora(Rank = 4), Linear(64, 64)] public partial Linear Up { get; }
            [Linear(64, 64)] public partial Linear Down { get; }
            [Forward] private Tensor Network(Tensor x) => Down.call(Up.call(x));
        }
        """);

    [Fact]
    public async Task MRW203_QkrOfOneBit_IsReported() => Assert.Contains(
        "[Qkr] quantizes by StatsQ also beside other weights",
        (await Markup.Check("""
            [Model]
            public partial class Net(int width)
            {
                [Attention(nameof(width), 2, Tokens = 4)] public partial Attention Look { get; }
                [Forward] private Tensor Network(Tensor x) => Look.call(x);
            }

            [Quantize({|MRW203:Bits = 1|}, Activations = 4, Weights = WeightQuantizer.Lsq), Qkr]
            public partial class OneBit() : Net(8);
            """))[0].GetMessage());

    [Theory]
    [InlineData(
        "[Embedding(9, 4), {|MRW106:Lora|}(Rank = 2, Init = LoraInit.Pissa)] public partial Embedding Ids { get; }",
        "Layer 'ids' cannot carry LoRA, rank 2, PiSSA: outside linear layers there is plain LoRA")]
    [InlineData("[Conv2d(8, 8, 3, Groups = 2), {|MRW106:Lora|}(Rank = 2)] public partial Conv2d Conv { get; }",
        "Layer 'conv' cannot carry LoRA, rank 2: ")]
    [InlineData("[Conv2d(8, 8, 3), Lora({|MRW102:Rank = 9|})] public partial Conv2d Conv { get; }",
        "[Lora] Rank 9 at layer 'conv' is not in 1 to 8")]
    [InlineData("[Conv2d(8, 8, 3), Bone] public partial Conv2d {|MRW002:Conv|} { get; }",
        "carries [Bone], which only a linear layer can")]
    [InlineData("[Conv2d(8, 8, 3), Lora(Rank = 2), Quantize(Bits = 4)] public partial Conv2d {|MRW002:Conv|} { get; }",
        "carries both [Quantize] and [Lora], which only a linear layer can")]
    [InlineData("[Embedding(9, 4), {|MRW106:Lora|}(Rank = 2)] public partial Embedding Ids { get; } "
        + "[Linear(4, 9, Bias = false, Tie = nameof(Ids))] public partial Linear Head { get; }",
        "'ids' cannot be adapted: layer 'head' shares its weight")]
    public async Task MRW106_AdaptersOutsideLinearLayers(string layers, string words) =>
        Assert.Contains(words, (await Markup.Check(Body(layers)))[0].GetMessage());

    [Fact]
    public async Task MRW104_TargetsThatMatchNothing_AreAWarningWithASuggestion()
    {
        var diagnostic = (await Markup.Check(Mlp + "[Bone(BlockSize = 8, {|MRW104:Targets = \"up|dwn\"|})] "
            + "public partial class Small() : Mlp(64, 256);"))[0];
        Assert.Equal(Microsoft.CodeAnalysis.DiagnosticSeverity.Warning, diagnostic.Severity);
        Assert.Contains("Targets 'dwn' matches no layer that can be adapted of 'Small'; did you mean 'down'?",
            diagnostic.GetMessage());
    }

    [Fact]
    public async Task MRW105_AdapterAsLargeAsTheLayer_IsAWarning() => Assert.Contains(
        "adds 16384 parameters to layer 'up', whose weight has 16384; train the layer itself or make the adapter "
        + "smaller; and 1 more layer",
        (await Markup.Check(Mlp
            + "[Bone({|MRW105:BlockSize = 128|})] public partial class Small() : Mlp(128, 128);"))[0].GetMessage());

    [Theory]
    [InlineData("[Bone(BlockSize = 8, {|MRW205:Dropout = 0.1|})]", "Form Row has no Dropout")]
    [InlineData("[Bone(BlockSize = 8, {|MRW205:MiniRank = 8|})]", "only Mini has")]
    [InlineData("[Bone(BlockSize = 8, {|MRW205:Form = BoneForm.Mini|})]", "needs MiniRank")]
    [InlineData("[Lora({|MRW205:Dropout = 1.0|})]", "not in 0 to 1")]
    [InlineData("[Lora(Init = LoraInit.Olora, {|MRW205:Iterations = 4|})]", "only Pissa has")]
    [InlineData("[Dora(Init = LoraInit.Pissa, {|MRW205:Iterations = -1|})]", "is negative")]
    [InlineData("[Lora({|MRW205:LearningRateRatio = 0|})]", "is not positive")]
    public async Task MRW205_OptionThatTheAdapterLacks_IsReportedOnIt(string attribute, string words)
    {
        var found = await Markup.Check(Mlp + $"{attribute} public partial class Small() : Mlp(64, 256);");
        Assert.Contains(words, found[0].GetMessage());
    }

    [Fact]
    public Task MRW205_TargetsOnAProperty_IsReported() => Markup.Check(
        Body("[Lora(Rank = 2, {|MRW205:Targets = \"up\"|}), Linear(64, 64)] public partial Linear Up { get; }"));

    [Fact]
    public async Task Pragma_SuppressesADiagnostic() => Assert.Empty(await Markup.Check(Mlp + """
        #pragma warning disable MRW105
        [Bone(BlockSize = 128)] public partial class Small() : Mlp(128, 128);
        #pragma warning restore MRW105
        """));

    [Fact]
    public Task SizesKnownAtRunTime_AreSilent() => Markup.Check(
        Mlp + "[Bone(BlockSize = nameof(block))] "
            + "public partial class Sweep(int width, int block) : Mlp(width, int.Parse(\"8\"));");
}
