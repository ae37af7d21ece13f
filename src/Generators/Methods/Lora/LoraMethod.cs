using Marrow.Generators.Declarations;
using Marrow.Generators.Methods.LowRank;
using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Methods.Lora;

/// <summary>Reads [Lora] (low-rank adaptation, arXiv 2106.09685).</summary>
internal sealed class LoraMethod : AdapterMethod
{
    public override string Attribute => "Lora";

    public override bool IsOnlyLinear => false;

    public override AdapterSpec Read(OptionReader options, ISymbol carrier)
    {
        var (shared, dropout) = (LowRankOptions.Read(options), options.Size("Dropout"));
        return new LoraSpec(options.Header(Attribute, carrier), shared, dropout);
    }
}

/// <summary>[Lora].</summary>
internal sealed record LoraSpec(AnnotationHeader Header, LowRankOptions Options, SizeExpression? Dropout)
    : LowRankSpec(Header, Options, Dropout)
{
    public override string Template => "Lora";

    private protected override string Method => "LoRA";

    public override object View(EmittedClass target) => new LoraView(target, this);

    public override bool Adapts(LayerSpec layer) => layer is LinearSpec
        || (Options.Init == LoraInit.Kaiming && layer is EmbeddingSpec or Conv2dSpec { Groups.Integer: null or 1 });

    public override string? Creation(LayerSpec layer, Func<SizeExpression, string, string> code)
    {
        const string Runtime = "global::Marrow.CompilerServices.";
        var settings = Options.Constructor((_, size, type) => code(size, type), HasDropout ? Dropout : null);
        return Adapts(layer) && layer is not LinearSpec
            ? $"new {Runtime}Lora{(layer is Conv2dSpec ? "Conv2d" : "Embedding")}(site, "
                + $"new {Runtime}LoraSettings({settings}))"
            : null;
    }
}

/// <summary>What the LoRA template prints.</summary>
internal sealed class LoraView(EmittedClass target, LoraSpec lora) : LowRankView(target, lora)
{
    public override string Settings => $"new LoraSettings({SettingsArguments})";
}
