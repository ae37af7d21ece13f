using System.Collections;
using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace Marrow.Models;

/// <summary>
/// The tensors of a model's result: a tensor, or tensors in tuples, arrays, lists, dictionaries, records, classes and
/// structs, nested as they may be. Fields are read and not properties, which may compute something new each time.
/// </summary>
internal static class ResultTensors
{
    private static readonly ConcurrentDictionary<Type, Field[]> FieldsOf = new();

    /// <summary>Each tensor once, with the way to it: <c>Logits</c>, <c>States[0].Keys</c>, or nothing.</summary>
    public static IEnumerable<(string Path, Tensor Tensor)> In(object? result) =>
        result is Tensor tensor ? [("", tensor)] : Walk(result, "", new(ReferenceEqualityComparer.Instance));

    private static IEnumerable<(string Path, Tensor Tensor)> Walk(object? value, string path, HashSet<object> seen)
    {
        if (value is null || (!value.GetType().IsValueType && !seen.Add(value)))
        {
            return [];
        }

        return value switch
        {
            Tensor tensor => [(path, tensor)],
            ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(
                i => Walk(tuple[i], Join(path, $"Item{i + 1}"), seen)),
            IDictionary entries => entries.Keys.Cast<object>().SelectMany(
                key => Walk(entries[key], $"{path}[{key}]", seen)),
            IEnumerable items when MayHold(value.GetType()) => items.Cast<object?>().SelectMany(
                (item, i) => Walk(item, $"{path}[{i}]", seen)),
            _ => FieldsOf.GetOrAdd(value.GetType(), Fields).SelectMany(
                field => Walk(field.Info.GetValue(value), Join(path, field.Name), seen)),
        };
    }

    private static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    private static Field[] Fields(Type type)
    {
        var fields = new List<Field>();
        for (var current = type; current is not null && MayHold(current); current = current.BaseType)
        {
            fields.AddRange(
                from info in current.GetFields(
                    BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                where MayHold(info.FieldType)
                select new Field(info, info.Name.StartsWith('<') ? info.Name[1..info.Name.IndexOf('>')] : info.Name));
        }

        return [.. fields];
    }

    /// <summary>Whether a value of this type can lead to tensors of the result.</summary>
    private static bool MayHold(Type type)
    {
        if (type == typeof(Tensor) || type == typeof(object) || type.IsInterface)
        {
            return true;
        }

        if (type.IsArray)
        {
            return MayHold(type.GetElementType()!);
        }

        return Nullable.GetUnderlyingType(type) is { } underlying
            ? MayHold(underlying)
            : !type.IsPrimitive && !type.IsEnum && !type.IsPointer && !type.IsByRefLike
                && !typeof(Delegate).IsAssignableFrom(type) && !typeof(nn.Module).IsAssignableFrom(type)
                && (!IsOfLibraries(type) || (type.IsGenericType && type.GetGenericArguments().Any(MayHold)));
    }

    private static bool IsOfLibraries(Type type) => type.Assembly == typeof(Tensor).Assembly
        ? !typeof(Tensor).IsAssignableFrom(type)
        : type.Namespace?.StartsWith("System", StringComparison.Ordinal) == true;

    private sealed record Field(FieldInfo Info, string Name);
}
