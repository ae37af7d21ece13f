using Marrow.Generators.Declarations;
using Marrow.Generators.Emission;
using Marrow.Generators.Methods;
using Marrow.Generators.Reading;
using Marrow.Generators.Resolution;
using Microsoft.CodeAnalysis;

namespace Marrow.Tool.Generation;

/// <summary>What the generator makes of a class.</summary>
internal sealed class GeneratedModel
{
    private readonly GeneratorInput input;
    private readonly Lazy<PlannedModel> plan;

    /// <param name="input">The class as it was read.</param>
    /// <param name="findings">What is wrong with it.</param>
    public GeneratedModel(GeneratorInput input, IReadOnlyList<Diagnostic> findings)
    {
        (this.input, Findings) = (input, findings);
        plan = new(() => PlannedModel.Of(input.Closure));
    }

    /// <summary>What is wrong with it.</summary>
    public IReadOnlyList<Diagnostic> Findings { get; }

    /// <summary>The class.</summary>
    public ClassSpec Type => input.Closure.Root;

    /// <summary>The files.</summary>
    public IReadOnlyList<EmittedFile> Files => ModelFiles.Emit(input, MethodTable.All);

    /// <summary>What its part prints; null if only throwing members are emitted.</summary>
    public ModelView? View =>
        Type.Error is null && Findings.All(finding => finding.Severity != DiagnosticSeverity.Error)
            ? new(input.Closure)
            : null;

    /// <summary>The rows of its plan.</summary>
    public IReadOnlyList<PlanRow> Rows => PlanTable.Rows(plan.Value);

    /// <summary>Every layer, blocks unrolled.</summary>
    public IReadOnlyList<LayerInstance> Layers => plan.Value.Instances();
}
