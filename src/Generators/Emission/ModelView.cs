using Marrow.Generators.Planning;
using Marrow.Generators.Specs;

namespace Marrow.Generators.Emission;

/// <summary>What the model template prints. Every decision is made here; the template only lays out.</summary>
internal sealed class ModelView
{
    private readonly ClassSpec type;
    private readonly PlannedModel plan;
    private readonly SpecialLayers special;

    public ModelView(ModelClosure closure, PlannedModel plan)
    {
        type = closure.Root;
        this.plan = plan;
        special = new SpecialLayers(type, plan);
    }

    public string Name => type.Name;

    public bool IsVariant => type.BaseKey is not null;

    public string BaseClause => ForwardView.BaseClause(type);

    /// <summary>The record of the base call that variants in other assemblies read.</summary>
    public string? BaseCall => IsVariant && type.BaseArguments.Count > 0
        ? string.Join(", ", type.BaseArguments.Select(argument => new SizeExpression.Literal(argument.ToString()).ToString()))
        : null;

    public IReadOnlyList<FieldView> Fields => FieldView.Of(type);

    public IReadOnlyList<LayerView> Layers => [.. type.Layers.Select(layer => LayerView.Of(layer, special))];

    public IReadOnlyList<LayerView> Modules => [.. Layers.Where(layer => layer.Field is not null)];

    public ForwardView? Forward => ForwardView.Of(type);

    public bool ReturnsTensor => type.Forward.Result == "Tensor";

    public IReadOnlyList<SpecialisationView> Specialisations => special.Specialisations;

    /// <summary>Whether every block runs again in the backward.</summary>
    public bool Recomputes => type.Recomputes;

    public IReadOnlyList<string> LayerClasses => special.Rendered;

    public IReadOnlyList<PlanRowView> Plan
    {
        get
        {
            var rows = PlanTable.Rows(plan);
            var width = rows.Count == 0 ? 0 : rows.Max(row => row.Layer.Length);
            return [.. rows.Select(row => new PlanRowView(row, width))];
        }
    }

    /// <summary>The first lines of the file: what the class is, and what it costs.</summary>
    public IReadOnlyList<string> Summary
    {
        get
        {
            var rows = PlanTable.Rows(plan);
            var whole = Sum(rows.Select(row => row.Parameters * row.Repeat));
            var added = Sum(rows.Select(row => row.AdapterParameters * row.Repeat));
            var lines = new List<string>();
            if (special.Words.Count > 0)
            {
                lines.Add($"{Name} is {type.BaseKey?.Split('.').Last() ?? "a model"} with {string.Join(" and ", special.Words)}{(added != 0 ? "; the base is frozen" : "")}.");
            }

            if (whole is not null && added is not null && rows.Any(row => row.Adapter is not null))
            {
                lines.Add(FormattableString.Invariant($"{added:N0} trainable parameters beside {whole:N0} frozen ones ({100.0 * added / whole:0.00} %)."));
            }
            else if (whole is not null && rows.Count > 0)
            {
                lines.Add(FormattableString.Invariant($"{whole:N0} parameters."));
            }

            return lines;
        }
    }

    private static long? Sum(IEnumerable<long?> counts) =>
        counts.Aggregate((long?)0, (sum, count) => sum + count);
}

/// <summary>A row of the plan as C#.</summary>
internal sealed class PlanRowView(PlanRow row, int width)
{
    public string Layer => (Quote(row.Layer) + ",").PadRight(width + 3);

    public string Shape => Quote(row.Shape);

    public string Repeat => Number(row.Repeat);

    public string Parameters => Number(row.Parameters);

    public string? Adapter => row.Adapter is null ? null : Quote(row.Adapter);

    public string AdapterParameters => Number(row.AdapterParameters);

    public string? Quantizer => row.Quantizer is null ? null : Quote(row.Quantizer);

    private static string Quote(string text) => new SizeExpression.Literal(text).ToString();

    private static string Number(long? value) => value is null ? "null" : FormattableString.Invariant($"{value}");
}
