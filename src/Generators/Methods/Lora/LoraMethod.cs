using Marrow.Generators.Declarations;
using Marrow.Generators.Methods.LowRank;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Methods.Lora;

/// <summary>Reads [Lora] (low-rank adaptation, arXiv 2106.09685).</summary>
internal sealed class LoraMethod : AdapterMethod
{
    public override string Attribute => "Lora";

    public override AdapterSpec Read(OptionReader options, ISymbol carrier)
    {
        var shared = LowRankOptions.Read(options);
        return new LoraSpec(options.Header(Attribute, carrier), shared);
    }
}

/// <summary>[Lora].</summary>
internal sealed record LoraSpec(AnnotationHeader Header, LowRankOptions Options) : LowRankSpec(Header, Options)
{
    public override string Template => "Lora";

    private protected override string Method => "LoRA";

    public override object View(EmittedClass target) => new LoraView(target, this);
}

/// <summary>What the LoRA template prints.</summary>
internal sealed class LoraView(EmittedClass target, LoraSpec lora) : LowRankView(target, lora)
{
    public override string Settings => $"new LoraSettings({SettingsArguments})";
}
