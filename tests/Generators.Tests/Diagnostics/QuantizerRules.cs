using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>
/// The diagnostics of quantizers and attentions, each with its exact span, and the nearest code that is right.
/// </summary>
public class QuantizerRules
{
    private const string Models = """
        [Model]
        public partial class Mlp(int width, int hidden)
        {
            [Linear(nameof(width), nameof(hidden))] public partial Linear Up { get; }
            [Linear(nameof(hidden), nameof(width))] public partial Linear Down { get; }
            [Forward] private Tensor Network(Tensor x) => Down.call(gelu(Up.call(x)));
        }

        [Model]
        public partial class Mixer(int width, int heads)
        {
            [Attention(nameof(width), nameof(heads))] public partial Attention Attn { get; }
            [Head, Linear(nameof(width), nameof(width))] public partial Linear Head { get; }
            [Forward] private Tensor Network(Tensor x) => Head.call(Attn.call(x));
        }

        """;

    private static async Task<string> Message(string source) => (await Markup.Check(Models + source))[0].GetMessage();

    [Fact]
    public async Task MRW104_TargetsOfAQuantizer_MeanConvolutionsToo()
    {
        const string Convolutions = """
            [Model]
            public partial class Mixed(int width)
            {
                [Conv2d(3, nameof(width), 3)] public partial Conv2d Stem { get; }
                [Linear(nameof(width), 2)] public partial Linear Last { get; }
                [Forward] private Tensor Network(Tensor x) => Last.call(Stem.call(x).mean([2, 3]));
            }

            """;
        await Markup.Check(Convolutions
            + "[Quantize(Bits = 4, Targets = \"stem\")] public partial class Small() : Mixed(4);");
        Assert.Contains("matches no layer that can be quantized", (await Markup.Check(Convolutions
            + "[Quantize(Bits = 4, {|MRW104:Targets = \"stem|step\"|})] public partial class Small() : Mixed(4);"))[0]
            .GetMessage());
    }

    [Theory]
    [InlineData("[Quantize({|MRW201:Bits = 1|})]", "1")]
    [InlineData("[Quantize({|MRW201:Bits = 9|})]", "9")]
    [InlineData("[Quantize({|MRW201:Bits = 0|}, Weights = WeightQuantizer.Lsq)]", "needs Bits")]
    [InlineData("[{|MRW201:Quantize|}]", "Bits")]
    [InlineData("[Quantize(Bits = 2, {|MRW201:Activations = 1|})]", "Activations")]
    [InlineData("[Quantize(Bits = 2, {|MRW201:EndBits = 12|})]", "EndBits")]
    public async Task MRW201_BitsThatNoQuantizerHas_AreReportedOnTheArgument(string attribute, string words) =>
        Assert.Contains(words, await Message($"{attribute} public partial class Small() : Mlp(64, 256);"));

    [Theory]
    [InlineData("[Quantize(Bits = 1, Weights = WeightQuantizer.Lsq)]")]
    [InlineData("[Quantize(Bits = 8, Activations = 8, EndBits = 0)]")]
    [InlineData("[Quantize(Bits = 2, Activations = 2, Oscillation = Oscillation.Cga, BoundaryRange = 0.499)]")]
    [InlineData("[Quantize(Bits = 2, Weights = WeightQuantizer.Lsq, Oscillation = Oscillation.Freeze)]")]
    [InlineData("[Quantize(Bits = 3, Scope = QuantizeScope.FrozenBase, Targets = \"up\")]")]
    public Task MRW201_RightQuantizer_IsSilent(string attribute) =>
        Markup.Check(Models + $"{attribute} public partial class Small() : Mlp(64, 256);");

    [Theory]
    [InlineData("[Quantize(Bits = 2, Weights = WeightQuantizer.Lsq, {|MRW202:Oscillation = Oscillation.Cga|})]",
        "needs StatsQ weights")]
    [InlineData("[Quantize(Bits = 2, Oscillation = Oscillation.Cga, {|MRW202:BoundaryRange = 0.5|})]",
        "not between 0 and 0.5")]
    [InlineData("[Quantize(Bits = 2, Oscillation = Oscillation.Cga, {|MRW202:BoundaryRange = 0|})]",
        "not between 0 and 0.5")]
    [InlineData("[Quantize(Bits = 2, Oscillation = Oscillation.Cga, {|MRW202:BoundaryRange = double.NaN|})]", "NaN")]
    public async Task MRW202_CgaThatCannotAnneal_IsReportedOnTheArgument(string attribute, string words) =>
        Assert.Contains(words, await Message($"{attribute} public partial class Small() : Mlp(64, 256);"));

    [Theory]
    [InlineData("[{|MRW203:Qkr|}] public partial class Small() : Mixer(64, 4);", "needs [Quantize] beside it")]
    [InlineData("[Quantize(Bits = 2), {|MRW203:Qkr|}] public partial class Small() : Mlp(64, 256);",
        "finds no quantized [Attention]")]
    [InlineData("[Quantize(Bits = 2, Targets = \"head\"), {|MRW203:Qkr|}] public partial class Small() : Mixer(64, 4);",
        "finds no quantized [Attention]")]
    public async Task MRW203_QkrWithoutAnAttentionOrQuantizer_IsReportedOnIt(string source, string words) =>
        Assert.Contains(words, await Message(source));

    [Fact]
    public Task MRW203_QkrOnAPropertyWithoutQuantize_IsReportedOnIt() => Markup.Check("""
        [Model]
        public partial class Net
        {
            [{|MRW203:Qkr|}, Attention(64, 4)] public partial Attention Attn { get; }
            [Forward] private Tensor Network(Tensor x) => Attn.call(x);
        }
        """);

    [Fact]
    public Task MRW203_QkrBesideQuantize_IsSilent() =>
        Markup.Check(
            Models + "[Quantize(Bits = 2, Activations = 2), Qkr] public partial class Small() : Mixer(64, 4);");

    [Fact]
    public async Task MRW204_HeadsThatDoNotDivide_AreReportedOnTheArgument() => Assert.Contains(
        "5", await Message("""
            [Model]
            public partial class Net
            {
                [Attention(192, {|MRW204:5|})] public partial Attention Attn { get; }
                [Forward] private Tensor Network(Tensor x) => Attn.call(x);
            }
            """));

    [Fact]
    public async Task MRW204_HeadsOfAVariant_AreReportedOnTheBaseCallArgument() =>
        Assert.Contains("attn",
            await Message("[Model] public partial class Small() : Mixer(64, {|MRW204:heads: 3|});"));

    [Fact]
    public Task MRW204_HeadsThatDivide_AreSilent() =>
        Markup.Check(Models + "[Model] public partial class Small() : Mixer(66, 3);");

    [Theory]
    [InlineData("[Quantize(Bits = 2, Oscillation = Oscillation.Freeze, {|MRW205:BoundaryRange = 0.01|})]",
        "only Cga has")]
    [InlineData("[Quantize(Bits = 2, Targets = \"up\", {|MRW205:EndBits = 4|})]", "without Targets")]
    [InlineData("[Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase, {|MRW205:Oscillation = Oscillation.Dampen|})]",
        "do not move")]
    [InlineData("[Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase, {|MRW205:Weights = WeightQuantizer.Lsq|})]",
        "packs StatsQ levels")]
    [InlineData("[Quantize({|MRW205:Bits = 6|}, Scope = QuantizeScope.FrozenBase)]", "2, 3, 4 or 8 bits, not 6")]
    [InlineData("[Quantize(Bits = 4, Scope = QuantizeScope.FrozenBase, {|MRW205:Activations = 8|})]",
        "stay as they are")]
    [InlineData("[Bone(BlockSize = 8), Quantize(Bits = 4, {|MRW205:Activations = 8|})]", "stay as they are")]
    [InlineData("[Bone(BlockSize = 8), Quantize(Bits = 4, {|MRW205:Weights = WeightQuantizer.Lsq|})]",
        "quantized by StatsQ")]
    [InlineData("[Lora(Dropout = 0.1), Quantize(Bits = 4, {|MRW205:Scope = QuantizeScope.Merged|})]", "no Dropout")]
    [InlineData("[Lora, Quantize(Bits = 4, {|MRW205:Bfloat16Backward = true|})]", "no Bfloat16Backward")]
    public async Task MRW205_OptionThatTheQuantizerLacks_IsReportedOnIt(string attribute, string words) =>
        Assert.Contains(words, await Message($"{attribute} public partial class Small() : Mlp(64, 256);"));

    [Fact]
    public async Task MRW006_QuantizerTwiceAlongALine_IsReportedOnTheSecond() => Assert.Contains(
        "already carries [Quantize]",
        await Message("""
            [Quantize(Bits = 2)] public partial class A() : Mlp(64, 256);
            [{|MRW006:Quantize|}(Bits = 4)] public partial class B() : A;
            """));

    [Fact]
    public async Task MRW108_TargetsOfAQuantizerThatMatchNothing_AreReported() => Assert.Contains(
        "matches no",
        await Message(
            "[Quantize(Bits = 2, {|MRW108:Targets = \"upp\"|})] public partial class Small() : Mlp(64, 256);"));
}
