using Marrow.Generators.Declarations;
using Marrow.Generators.Methods.LowRank;
using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Methods.Dora;

/// <summary>Reads [Dora] (weight-decomposed low-rank adaptation, arXiv 2402.09353).</summary>
internal sealed class DoraMethod : AdapterMethod
{
    public override string Attribute => "Dora";

    public override AdapterSpec Read(OptionReader options, ISymbol carrier)
    {
        var (shared, dropout) = (LowRankOptions.Read(options), options.Size("Dropout"));
        return new DoraSpec(options.Header(Attribute, carrier), shared, dropout);
    }
}

/// <summary>[Dora].</summary>
internal sealed record DoraSpec(AnnotationHeader Header, LowRankOptions Options, SizeExpression? Dropout)
    : LowRankSpec(Header, Options, Dropout)
{
    public override string Template => "Dora";

    private protected override string Method => "DoRA";

    public override long? ParameterCount(long? inFeatures, long? outFeatures) =>
        checked(base.ParameterCount(inFeatures, outFeatures) + outFeatures);

    public override long? KeptPerRow(long? outFeatures) => base.KeptPerRow(outFeatures) + outFeatures;

    public override object View(EmittedClass target) => new DoraView(target, this);
}

/// <summary>What the DoRA template prints.</summary>
internal sealed class DoraView(EmittedClass target, DoraSpec dora) : LowRankView(target, dora)
{
    public override string Settings => $"new DoraSettings({SettingsArguments})";
}
