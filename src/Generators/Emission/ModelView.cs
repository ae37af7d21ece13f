using Marrow.Generators.Declarations;
using Marrow.Generators.Methods;
using Marrow.Generators.Resolution;
using Marrow.Generators.Sizes;

namespace Marrow.Generators.Emission;

/// <summary>What the model template prints. Every decision is made here; the template only lays out.</summary>
internal sealed class ModelView
{
    private readonly ClassSpec type;
    private readonly IReadOnlyList<PlanRow> rows;

    public ModelView(ModelClosure closure)
    {
        type = closure.Root;
        HidesPlan = HasPlan(closure, type.BaseKey);
        var plan = PlannedModel.Of(closure);
        rows = PlanTable.Rows(plan);
        Classes = new LayerClasses();
        Specializations = Emission.Specializations.Of(type, plan, Classes);
        Layers = [.. type.Layers.Select(layer => LayerView.Of(layer, Classes))];
    }

    /// <summary>Whether a model has an emitted part with a plan; one that is not in a skeleton has.</summary>
    public static bool HasPlan(ModelClosure closure, string? key) =>
        key is not null && closure.Find(key) is null
        or { Error: null or { Stub: Stub.Model } };

    /// <summary>The layer classes that the model uses.</summary>
    public LayerClasses Classes { get; }

    /// <summary>The attribute that marks each emitted member; on the class it would mark the user's code too.</summary>
    public string Generated => $"[global::System.CodeDom.Compiler.GeneratedCode(\"Marrow\", \"{ModelFiles.Version}\")]";

    public string Declaration => type.Declaration;

    /// <summary>The name as a string.</summary>
    public string Title => SizeExpression.Quote(type.Name);

    public bool IsVariant => type.BaseKey is not null;

    /// <summary>Whether the base has a plan that this class's hides.</summary>
    public bool HidesPlan { get; }

    public string BaseClause => ForwardView.BaseClause(type);

    /// <summary>The record of the base call that variants in other assemblies read.</summary>
    public string? BaseCall => IsVariant && type.BaseArguments.Count > 0
        ? string.Join(", ", type.BaseArguments.Select(argument => SizeExpression.Quote(argument.ToString())))
        : null;

    public IReadOnlyList<FieldView> Fields => FieldView.Of(type);

    public IReadOnlyList<LayerView> Layers { get; }

    public IReadOnlyList<LayerView> Modules => [.. Layers.Where(layer => layer.Field is not null)];

    public ForwardView? Forward => ForwardView.Of(type);

    public bool ReturnsTensor => type.Forward.ReturnsTensor;

    public IReadOnlyList<SpecializationView> Specializations { get; }

    /// <summary>The calls that say how the checkpoint differs.</summary>
    public IReadOnlyList<string> Mapping => MappingView.Of(type);

    /// <summary>Whether every block runs again in the backward.</summary>
    public bool Recomputes => type.Recomputes;

    public IReadOnlyList<PlanRowView> Plan
    {
        get
        {
            var width = rows.Count == 0 ? 0 : rows.Max(row => row.Layer.Length);
            return [.. rows.Select(row => new PlanRowView(row, width))];
        }
    }

    /// <summary>The first lines of the file: what the class is, and what it costs.</summary>
    public IReadOnlyList<string> Summary
    {
        get
        {
            var (whole, added) = PlanTable.Totals(rows);
            var lines = new List<string>();
            if (Classes.Words.Count > 0)
            {
                var kind = type.BaseKey?.Split('.').Last() ?? "a model";
                lines.Add(
                    $"{type.Name} is {kind} with "
                        + $"{string.Join(" and ", Classes.Words)}{(added != 0 ? "; the base is frozen" : "")}.");
            }

            if (whole is not null && added is not null && rows.Any(row => row.Adapter is not null))
            {
                var (ofLayers, _) = PlanTable.Totals([.. rows.Where(row => row.IsTrained)]);
                var (trained, frozen) = (added.Value + (ofLayers ?? 0), whole.Value - (ofLayers ?? 0));
                var share = 100.0 * trained / Math.Max(1, frozen);
                lines.Add(FormattableString.Invariant(
                    $"{trained:N0} trainable parameters beside {frozen:N0} frozen ones ({share:0.00} %)."));
            }
            else if (whole is not null && rows.Count > 0)
            {
                lines.Add(FormattableString.Invariant($"{whole:N0} parameters."));
            }

            return [.. lines.Select(XmlText.Escape)];
        }
    }
}

/// <summary>A row of the plan as C#.</summary>
internal sealed class PlanRowView(PlanRow row, int width)
{
    public string Layer => (SizeExpression.Quote(row.Layer) + ",").PadRight(width + 3);

    public string Shape => SizeExpression.Quote(row.Shape);

    public string Counts => $"repeat: {Number(row.Repeat)}, parameters: {Number(row.Parameters)}";

    /// <summary>The arguments that say what the layer's adapter is, if it has one.</summary>
    public string Adapter =>
        row.Adapter is null ? "" : $", {SizeExpression.Quote(row.Adapter)}, {Number(row.AdapterParameters)}";

    /// <summary>The argument that says what its quantizer is, if it has one.</summary>
    public string Quantizer => row.Quantizer is null ? "" : $", quantizer: {SizeExpression.Quote(row.Quantizer)}";

    /// <summary>The argument that says that it is trained whole, if it is.</summary>
    public string Trained => row.IsTrained ? ", isTrained: true" : "";

    private static string Number(long? value) => value is null ? "null" : FormattableString.Invariant($"{value}");
}
