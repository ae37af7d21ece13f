using System.Globalization;
using System.Text.Json.Nodes;
using Marrow.Autograd;
using Marrow.Checkpoints;
using Marrow.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// What every model has beside TorchSharp's module, whatever its number of inputs: the models' bases differ in their
/// <c>forward</c> alone and share this.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="parameters">The module's own table of parameters.</param>
/// <param name="buffers">The module's own table of persistent buffers.</param>
internal sealed class ModelState(
    nn.Module model,
    IDictionary<string, Parameter> parameters,
    IDictionary<string, (Tensor Value, bool IsPersistent)> buffers) : IDisposable
{
    private readonly Tables tables = new();

    /// <summary>Where the weights were loaded from, which adapters name as their base; null if nowhere.</summary>
    public string? BasePath { get; set; }

    /// <summary>The config.json of the folder that the weights were loaded from; null if there was none.</summary>
    public JsonObject? Configuration { get; set; }

    /// <summary>
    /// Embeddings and heads whose frozen weights came with an adapter, by the model's names: it is saved with them.
    /// </summary>
    public IReadOnlyList<string> BaseOfAdapter { get; set; } = [];

    /// <summary>The biases that are trained beside the adapters.</summary>
    public AdapterBias Biases { get; set; }

    /// <summary>Layers, blocks and parameters that the class says are trained whole where there are adapters.</summary>
    public IReadOnlyList<string> TrainedWhole { get; set; } = [];

    /// <summary>The format that the weights were loaded from, and are saved in; null: what the class says.</summary>
    public CheckpointFormat? Format { get; set; }

    /// <summary>Whether the model keeps only its inputs for the backward, and runs again there.</summary>
    public bool Recomputes { get; set; }

    /// <summary>The parameter, persistent buffer or table of this name.</summary>
    public Tensor this[string name] => parameters.TryGetValue(name, out var parameter) ? parameter
        : buffers.TryGetValue(name, out var buffer) ? buffer.Value : tables[name];

    /// <summary>The class, its parameters, types and devices, in a line.</summary>
    public string Describe()
    {
        var all = model.parameters().ToList();
        var (count, trained) = (Count(all), Count(all.Where(parameter => parameter.requires_grad)));
        var types = all.Select(parameter => parameter.dtype.ToString().ToLowerInvariant()).Distinct();
        var devices = all.Select(parameter => parameter.device.ToString()).Distinct();
        var sizes = string.Create(
            CultureInfo.InvariantCulture,
            $"{count:N0} parameters, {trained:N0} trainable ({100d * trained / Math.Max(count, 1):F2} %)");
        return $"{model.GetType().Name}: {sizes}, {string.Join(" and ", types)} on {string.Join(" and ", devices)}";

        static long Count(IEnumerable<Parameter> parameters) => parameters.Sum(parameter => parameter.numel());
    }

    /// <summary>Refuses another number of inputs than the model takes.</summary>
    public void RequireInputs(object?[] inputs, int count)
    {
        if (inputs.Length != count)
        {
            throw new ArgumentException(
                $"{model.GetType().Name} takes {count} {(count == 1 ? "input" : "inputs")}, not {inputs.Length}; "
                    + "null stands for one that is left out.",
                nameof(inputs));
        }
    }

    /// <summary>Makes the layers.</summary>
    public void Build() => LayerBuilder.Build((IModel)model, tables);

    /// <summary>Puts a parameter or a persistent buffer in the place of the one of this name.</summary>
    public void Replace(string name, Tensor value)
    {
        if (value is Parameter parameter)
        {
            parameters[name] = parameter;
        }
        else
        {
            buffers[name] = (value, true);
        }
    }

    /// <summary>Computes the tables again, which a model built on the meta device has only as shapes.</summary>
    public void FillTables(Device device) => tables.Fill(null, device);

    /// <summary>Runs the model so that autograd keeps only its inputs, if these and the result are tensors.</summary>
    public TResult Recompute<TResult>(Func<IReadOnlyList<object?>, TResult> run, params object?[] inputs)
    {
        if (typeof(TResult) != typeof(Tensor) || !inputs.All(input => input is null or Tensor))
        {
            return run(inputs);
        }

        return (TResult)(object)new Recomputation(
            model.GetType().Name,
            given =>
            {
                var next = 0;
                return (Tensor)(object)run([.. inputs.Select(input => input is null ? null : given[next++])])!;
            },
            [.. inputs.OfType<Tensor>()],
            model.parameters().Any(parameter => parameter.requires_grad)).Run();
    }

    /// <summary>Moves everything; null keeps the type or the device.</summary>
    public void Move<TModel>(TModel module, ScalarType? dtype, Device? device)
        where TModel : nn.Module, IComponents
    {
        ComponentMoves.MoveChildren(module, dtype, device);
        ComponentMoves.MoveOwn(module, dtype, device);
        tables.Fill(dtype, device);
    }

    /// <inheritdoc/>
    public void Dispose() => tables.Dispose();
}
