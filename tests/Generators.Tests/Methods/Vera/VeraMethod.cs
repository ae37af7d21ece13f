using Marrow.Generators.Declarations;
using Marrow.Generators.Diagnostics;
using Marrow.Generators.Methods;
using Marrow.Generators.Sizes;
using Microsoft.CodeAnalysis;

namespace Marrow.Generators.Tests.Methods.Vera;

/// <summary>Reads [Vera] (vector-based random matrix adaptation, arXiv 2310.11454).</summary>
internal sealed class VeraMethod : AdapterMethod
{
    public override string Attribute => "Vera";

    public override AdapterSpec Read(OptionReader options, ISymbol carrier)
    {
        var rank = options.Size("Rank", unset: 4);
        return new VeraSpec(options.Header(Attribute, carrier), rank);
    }
}

/// <summary>[Vera].</summary>
internal sealed record VeraSpec(AnnotationHeader Header, SizeExpression Rank) : AdapterSpec(Header, Dropout: null)
{
    public override string Words => $"VeRA, rank {Rank}";

    public override string ClassName => $"Vera{Rank.Integer}";

    public override string SizeOption => "Rank";

    public override string Template => "Vera";

    private protected override IEnumerable<Argument> OwnArguments =>
        [new("Rank", Rank, ValueKind.Integer, Id: DiagnosticIds.Rank)];

    private protected override AdapterSpec EvaluateOwn(Func<SizeExpression, SizeExpression> evaluate) =>
        this with { Rank = evaluate(Rank) };

    public override IEnumerable<ArgumentError> OptionErrors() => [];

    public override SizeError? SizeErrorOn(string layer, long inFeatures, long outFeatures) => Rank.Integer < 1
        ? new(DiagnosticIds.Rank, "Rank", $"[Vera] Rank {Rank} at layer '{layer}' is not positive", [])
        : null;

    public override long? ParameterCount(long? inFeatures, long? outFeatures) => checked(Rank.Integer + outFeatures);

    public override object View(EmittedClass target) => new VeraView(target, this);
}

/// <summary>What the template prints.</summary>
internal sealed class VeraView(EmittedClass target, VeraSpec vera) : AdaptedLayerView(target, vera)
{
    public override string Settings => $"new global::Marrow.Generators.Tests.Methods.Vera.VeraSettings({Rank})";

    public string Rank => Code("Rank", vera.Rank);
}
