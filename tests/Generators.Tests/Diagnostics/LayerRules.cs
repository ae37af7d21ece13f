using Marrow.Generators.Tests.Harness;
using Xunit;

namespace Marrow.Generators.Tests.Diagnostics;

/// <summary>What is known of layers while they are typed: names, ties, and annotations that nothing takes.</summary>
public class LayerRules
{
    private static string Net(string members, string attributes = "Model", string parameters = "(int width)") => $$"""
        [{{attributes}}]
        public partial class Net{{parameters}}
        {
            {{members}}
            [Forward] private Tensor Network(Tensor x) => x;
        }

        """;

    private const string Tokens = "[Embedding(32, 16)] public partial Embedding Tokens { get; } ";

    [Theory]
    [InlineData("[Linear(64, 64)] public partial Linear UpProj { get; } "
        + "[Linear(64, 64)] public partial Linear {|MRW009:Up_Proj|} { get; }", "one checkpoint name, 'up_proj'")]
    [InlineData("[Linear(64, 64), Name(\"a.b\")] public partial Linear B { get; } "
        + "[Linear(64, 64)] public partial Linear {|MRW009:A|} { get; }", "is the first part of 'a.b'")]
    public async Task MRW009_NamesThatMeet_AreReported(string members, string words) =>
        Assert.Contains(words, (await Markup.Check(Net(members)))[0].GetMessage());

    [Fact]
    public async Task MRW009_NewLayerOfADerivedModel_IsReported() => Assert.Contains(
        "have one checkpoint name, 'up'",
        (await Markup.Check(Net("[Linear(64, 64)] public partial Linear Up { get; }") + """
            [Model]
            public partial class Derived() : Net(4)
            {
                [Linear(8, 8)] public new partial Linear {|MRW009:Up|} { get; }
            }
            """))[0].GetMessage());

    [Theory]
    [InlineData("[Linear(16, 32, {|MRW106:Tie = nameof(Tokens)|}, Bias = false)] public partial Linear Head { get; } "
        + Tokens, "'Tokens', which is declared after it")]
    [InlineData(Tokens + "[Linear(16, {|MRW106:31|}, Tie = nameof(Tokens))] public partial Linear Head { get; }",
        "Layer 'head' is 16 → 31, but the weight that it shares, 'Tokens', is 32 × 16")]
    [InlineData(Tokens + "[Linear({|MRW106:8|}, 32, Tie = nameof(Tokens))] public partial Linear Head { get; }",
        "is 8 → 32")]
    [InlineData(Tokens
        + "[Linear(16, 32, Tie = nameof(Tokens), {|MRW106:Bias = true|})] public partial Linear Head { get; }",
        "Layer 'head' shares the weight of 'Tokens', so it has no bias; leave Bias out")]
    public async Task MRW106_TieThatCannotBe_IsReported(string members, string words) =>
        Assert.Contains(words, (await Markup.Check(Net(members)))[0].GetMessage());

    [Theory]
    [InlineData(Tokens + "[Linear(16, 32, Tie = nameof(Tokens))] public partial Linear Head { get; }")]
    [InlineData(Tokens + "[Linear(16, 32, Tie = nameof(Tokens), Bias = false)] public partial Linear Head { get; }")]
    [InlineData(Tokens + "[Linear(16, \"2 * width\", Tie = nameof(Tokens))] public partial Linear Head { get; }")]
    [InlineData(Tokens
        + "[Linear(16, 32, Tie = nameof(Tokens), TieWhen = \"width > 8\", Bias = true)] "
        + "public partial Linear Head { get; }")]
    [InlineData(Tokens
        + "[Linear(16, 31, Tie = nameof(Tokens), TieWhen = false)] public partial Linear Head { get; }")]
    public Task MRW106_TieThatCanBe_IsSilent(string members) => Markup.Check(Net(members));

    [Fact]
    public Task MRW106_TieOfAVariant_IsReportedOnItsBaseCall() => Markup.Check(
        Net("[Embedding(32, nameof(width))] public partial Embedding Tokens { get; } "
            + "[Linear(nameof(width), \"4 * width\", Tie = nameof(Tokens))] public partial Linear Head { get; }")
        + "[Model] public partial class Right() : Net(8); [Model] public partial class Wrong() : Net({|MRW106:16|});");

    [Fact]
    public Task MRW106_BiasOfATiedHead_IsReportedWhereItIsTied() => Markup.Check(
        Net(
            Tokens + "[Linear(16, 32, Tie = nameof(Tokens), TieWhen = nameof(tie), Bias = true)] "
                + "public partial Linear Head { get; }",
            parameters: "(bool tie)")
        + "[Model] public partial class Right() : Net(false); [Model] public partial class {|MRW106:Wrong|}() : "
        + "Net(true);");

    [Theory]
    [InlineData("[Conv2d(8, 8, 3)] public partial Conv2d Conv { get; }", "Model, {|MRW108:Lora|}(Rank = 4)",
        "the model has no layer that takes it")]
    [InlineData("", "Model, {|MRW108:Quantize|}(Bits = 4)", "the model has no layer that takes it")]
    [InlineData("[Head, Linear(64, 64)] public partial Linear Head { get; }",
        "Model, {|MRW108:Bone|}(BlockSize = 8)",
        "its linear layers (head) are output heads, which only Targets can mean")]
    [InlineData("[Head, Linear(64, 64)] public partial Linear Head { get; }",
        "Model, {|MRW108:Quantize|}(Bits = 4, EndBits = 0)", "output heads")]
    [InlineData(Tokens + "[Linear(16, 32, Tie = nameof(Tokens))] public partial Linear Out { get; }",
        "Model, {|MRW108:Dora|}(Rank = 4)", "its linear layers (out) share the weights of embeddings")]
    [InlineData("[Linear(64, 64)] public partial Linear Up { get; }",
        "Model, {|MRW108:Lora|}(Rank = 4, Exclude = \"up\")", "(up) none is left by Exclude and Train")]
    [InlineData("[Linear(64, 64)] public partial Linear Up { get; }",
        "Model, Lora(Rank = 4, {|MRW108:Targets = \"upp\"|})",
        "Targets 'upp' matches no layer that takes it; did you mean 'up'?")]
    [InlineData(Tokens + "[{|MRW108:Lora|}(Rank = 4), Linear(16, 32, Tie = nameof(Tokens))] "
        + "public partial Linear Out { get; }", "Model", "the layer shares the weight of 'Tokens'")]
    public async Task MRW108_AnnotationThatNothingTakes_IsReported(string members, string attributes, string words) =>
        Assert.Contains(words, (await Markup.Check(Net(members, attributes)))[0].GetMessage());

    [Theory]
    [InlineData("[Head, Linear(64, 64)] public partial Linear Head { get; }",
        "Model, Lora(Rank = 4, Targets = \"head\")")]
    [InlineData("[Head, Linear(64, 64)] public partial Linear Head { get; }",
        "Model, Quantize(Bits = 4)")]
    [InlineData("[Conv2d(8, 8, 3)] public partial Conv2d Conv { get; }", "Model, Quantize(Bits = 4)")]
    [InlineData(Tokens
        + "[Linear(16, 32, Tie = nameof(Tokens), TieWhen = \"width > 8\")] public partial Linear Out { get; }",
        "Model, Lora(Rank = 4)")]
    [InlineData("[Bone(BlockSize = 8), Linear(64, 64)] public partial Linear Up { get; }", "Model, Lora(Rank = 4)")]
    public Task MRW108_AnnotationThatALayerTakes_IsSilent(string members, string attributes) =>
        Markup.Check(Net(members, attributes));

    [Theory]
    [InlineData("Bone({|MRW101:BlockSize = 16|})",
        "does not divide the 3 output features of layer 'score'; leave it out with Exclude; nearest sizes")]
    [InlineData("Lora({|MRW102:Rank = 8|})", "; leave it out with Exclude, or make Rank smaller")]
    public async Task SizeThatALayerOfFewOutputsCannotHave_SuggestsExcludeFirst(string attribute, string words) =>
        Assert.Contains(words, (await Markup.Check(Net(
            "[Linear(64, 64)] public partial Linear Up { get; } [Linear(64, 3)] public partial Linear Score { get; }",
            $"Model, {attribute}")))[0].GetMessage());

    /// <summary>Products beyond 64 bits have diagnostics of their own, and no negative counts.</summary>
    [Theory]
    [InlineData("Bone(Form = BoneForm.Free, BlockSize = 9223372036854775807)", 64, 2)]
    [InlineData("Bone(Form = BoneForm.Mini, BlockSize = 4611686018427387904, MiniRank = 2)", 64, 2)]
    [InlineData("Bone(Form = BoneForm.Free, BlockSize = 4611686018427387904)", 3037000500, 4)]
    public async Task MRW105_Counts_ArePositive(string attribute, long inFeatures, long outFeatures)
    {
        var source = Net($"[{attribute}, Linear({inFeatures}, {outFeatures})] public partial Linear Up {{ get; }}");
        var found = await Markup.Analyze(TestCompilation.Create(source));
        Assert.NotEmpty(found);
        Assert.All(found, diagnostic => Assert.DoesNotContain("-", diagnostic.GetMessage().Replace("[Bone]", "")));
    }
}
